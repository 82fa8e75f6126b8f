/**
 * What primary and worker tell each other on a link beside the traffic of Socket.IO: rare messages, in JSON, tagged by
 * `type`, each direction a union of its own. Versioned: a link whose first message is not `hello` of this version ends.
 */

export const PROTOCOL_VERSION = 4;

export type WorkerMessage =
  | { readonly type: "hello"; readonly version: number }
  /** The app has loaded and the private socket listens: connections may come. */
  | { readonly type: "ready" }
  /** The app threw while it loaded. Sent once; the worker then exits with code 4. */
  | { readonly type: "load-failed"; readonly file: string; readonly message: string; readonly stack: string }
  /** Once a second while the event loop turns. Its absence is what tells a stuck worker. */
  | ({ readonly type: "beat" } & WorkerStats)
  /** Somebody beside the primary told it to end: it wants to be replaced, and waits for `drain`. */
  | { readonly type: "resign" };

export interface WorkerStats {
  /** Open TCP connections, forwarded ones not counted. */
  readonly connections: number;
  /** Engine.IO sessions. */
  readonly sessions: number;
  /** Socket.IO sockets over all namespaces. */
  readonly sockets: number;
  readonly rssBytes: number;
  /** Event loop utilization since the last beat, 0 to 1. */
  readonly elu: number;
  /** The largest delay of the event loop since the last beat. */
  readonly lagMs: number;
  /** Clients' WebSockets that end here and whose session a sibling has: each costs two workers for as long as it lasts. */
  readonly relays: number;
  /** Rises only; what was refused or dropped in this worker, by name. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Rises only; what was done that is worth knowing, by name. */
  readonly done: Readonly<Record<string, number>>;
}

export type PrimaryMessage =
  /** First of all, and only where TLS is spoken: it has no place in the environment, which others can read. */
  | ({ readonly type: "tls" } & TlsMaterial)
  /** Session tickets are made with this from now on, and no others are known any more. */
  | { readonly type: "ticket-keys"; readonly ticketKeys: string }
  /** Where other hosts are reached; first of all, and whenever it changes. Replaces what was said before. */
  | ({ readonly type: "hosts" } & KnownHosts)
  | ({ readonly type: "drain" } & DrainOrder);

/** Take no new work, close sessions at a pace that ends within `withinMs`, then exit with code 0. */
export interface DrainOrder {
  readonly withinMs: number;
  readonly reason: DrainReason;
  /** Siblings that stay. On connections that are kept alive new clients still come, and are theirs. */
  readonly heirs: readonly Heir[];
}

export interface Heir {
  readonly slot: number;
  readonly incarnation: number;
}

/** A secret: never log it. */
export interface KnownHosts {
  /** By which hosts know each other's requests; empty while it is not known. */
  readonly secret: string;
  /** By host tag, the URL of where requests for its sessions are taken. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** What a worker needs to speak TLS. A secret: never log it. */
export interface TlsMaterial {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** 48 bytes in base64, the same in every worker of the host: a ticket of one is good at the others. */
  readonly ticketKeys: string;
}

export type DrainReason = "stop" | "reload" | "scale" | "replace" | "memory";

/** What a worker is told when it is forked, in the environment variable HOLDFAST_WORKER as JSON. */
export interface WorkerBirth {
  readonly hostTag: string;
  /** This host's id, for people: the app's `ctx.host`. */
  readonly hostId: string;
  readonly slot: number;
  readonly incarnation: number;
  readonly generation: number;
  readonly primaryPid: number;
  /** The directory of the workers' private sockets (mode 0700). */
  readonly runDirectory: string;
  readonly settings: WorkerSettings;
}

/** The part of the settings that a worker acts on. */
export interface WorkerSettings {
  /** Absolute path of the app's module; undefined runs the built-in chat. */
  readonly app?: string;
  readonly headerTimeoutMs: number;
  readonly maxHeaderBytes: number;
  /** Connections from outside speak TLS; a `tls` message comes first. */
  readonly tls?: boolean;
  readonly requestTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly maxClientBufferBytes: number;
  /** Pages that may connect; undefined leaves it to the app. */
  readonly corsOrigins?: readonly string[];
  /** Absolute path of the htpasswd file. */
  readonly basicAuth?: string;
  /** Proxies whose forwarded headers are believed. */
  readonly trustProxy?: readonly string[];
  readonly logLevel: string;
  readonly logFormat: "json" | "pretty";
  /** What the operator says of recovery; absent, the app decides. */
  readonly recovery?: "on" | "off";
  readonly recoveryWindowMs?: number;
  /** How this host is joined to others; absent, it is alone. */
  readonly uplink?: UplinkMode;
}

/** With "sharded", what other hosts send to a room comes only after it has been asked for. */
export type UplinkMode = "classic" | "sharded";

/** How often a worker beats, and the primary expects it to. */
export const BEAT_INTERVAL_MS = 1_000;
export const WORKER_BIRTH_VARIABLE = "HOLDFAST_WORKER";
export const LINK_FD = 4;

/** Where a worker listens for requests that were handed to a sibling. */
export function privateSocketPath(runDirectory: string, slot: number, incarnation: number): string {
  return `${runDirectory}/worker-${slot}-${incarnation}.sock`;
}

/** Undefined when it is not a message of this protocol: a worker runs the app's code and is not believed. */
export function parseWorkerMessage(text: string): WorkerMessage | undefined {
  return parseAs(WORKER_MESSAGES, text) as WorkerMessage | undefined;
}

export function parsePrimaryMessage(text: string): PrimaryMessage | undefined {
  return parseAs(PRIMARY_MESSAGES, text) as PrimaryMessage | undefined;
}

export function parseWorkerBirth(text: string | undefined): WorkerBirth | undefined {
  return text === undefined ? undefined : (parseAs({ birth: BIRTH }, text, "birth") as WorkerBirth | undefined);
}

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isAmount: Check = (value) => typeof value === "number" && value >= 0;
const isCount: Check = (value) => Number.isSafeInteger(value) && isAmount(value);
const isText: Check = (value) => typeof value === "string";
const isAmounts: Check = (value) => isRecord(value) && Object.values(value).every(isAmount);
const isHeirs: Check = (value) =>
  Array.isArray(value) && value.every((each) => isRecord(each) && isCount(each.slot) && isCount(each.incarnation));
const DRAIN_REASONS: readonly unknown[] = ["stop", "reload", "scale", "replace", "memory"] satisfies DrainReason[];

const WORKER_MESSAGES: Readonly<Record<WorkerMessage["type"], Shape>> = {
  hello: { version: isCount },
  ready: {},
  "load-failed": { file: isText, message: isText, stack: isText },
  beat: {
    connections: isCount,
    sessions: isCount,
    sockets: isCount,
    rssBytes: isCount,
    elu: isAmount,
    lagMs: isAmount,
    relays: isCount,
    dropped: isAmounts,
    done: isAmounts,
  },
  resign: {},
};

const PRIMARY_MESSAGES: Readonly<Record<PrimaryMessage["type"], Shape>> = {
  hosts: { secret: isText, hosts: (value) => isRecord(value) && Object.values(value).every(isText) },
  tls: { cert: isText, key: isText, ticketKeys: isText },
  "ticket-keys": { ticketKeys: isText },
  drain: { withinMs: isAmount, reason: (value) => DRAIN_REASONS.includes(value), heirs: isHeirs },
};

const BIRTH: Shape = {
  hostTag: isText,
  hostId: isText,
  slot: isCount,
  incarnation: isCount,
  generation: isCount,
  primaryPid: isCount,
  runDirectory: isText,
  settings: isRecord,
};

/** `type` is read from the message where it is not given. */
function parseAs(shapes: Readonly<Record<string, Shape>>, text: string, type?: string): unknown {
  const message = parse(text);
  if (!isRecord(message)) return undefined;
  const name = type ?? message.type;
  if (typeof name !== "string" || !Object.hasOwn(shapes, name)) return undefined;
  const checks = Object.entries(shapes[name] as Shape);
  return checks.every(([field, check]) => check(message[field])) ? message : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
