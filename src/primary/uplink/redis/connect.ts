/**
 * One connection to Redis, opened by ioredis, which is loaded when first needed. It never reconnects and never repeats a
 * command: connection.ts makes a new one instead.
 */
import { readFileSync } from "node:fs";
import type { RedisOptions as ClientOptions, Redis } from "ioredis";
import type { RedisAddress, RedisTarget } from "../../../config/settings.js";
import { formatHostAndPort } from "../../../protocol/host-and-port.js";
import { RedisRefusedError } from "./redis-error.js";

export interface Client {
  readonly redis: Redis;
  /** Why it has ended; never rejects. */
  readonly ended: Promise<Error>;
  /** At once: what was written and has not left is not sent any more. */
  destroy(reason: Error): void;
}

export type OpenClient = () => Promise<Client>;

export interface ConnectOptions {
  readonly target: RedisTarget;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly clientName: string;
}

/** Of one TCP connection, its name's look-up included. */
const CONNECT_MS = 1_500;
/** Until the handshake is over: a Redis that hangs takes connections, too, and says nothing. */
const OPEN_MS = 2_000;

/** `node` is one of a Cluster's; without it, what the target names. */
export async function openClient(options: ConnectOptions, node?: RedisAddress): Promise<Client> {
  const { Redis } = await import("ioredis");
  const redis = new Redis({ ...clientOptions(options, node), replyMapping: "legacy" });
  let reason: Error | undefined;
  redis.on("error", (error: Error) => {
    reason ??= error;
  });
  const ended = new Promise<Error>((resolve) => {
    redis.once("end", () => resolve(reason ?? new Error("Redis closed the connection")));
  });
  const destroy = (why: Error) => {
    reason ??= why;
    redis.disconnect();
    redis.stream?.destroy();
  };
  const late = (ms: number) => setTimeout(() => destroy(new Error(`Redis did not answer within ${ms} ms`)), ms);
  const timers = [late(openMs(options))];
  // What Sentinels name may hang, while they are choosing another.
  redis.once("connect", () => timers.push(late(OPEN_MS)));
  try {
    await redis.connect();
    // ioredis goes on without the database that it was told to select.
    if (reason) throw reason;
    return { redis, ended, destroy };
  } catch (error) {
    destroy(error as Error);
    throw withHint(reason ?? (error as Error), options);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** In TLS 1.3 a server that wants a certificate resets the connection, and its reason is often lost in that. */
function withHint(error: Error, { target, certFile }: ConnectOptions): Error {
  const wasDropped = /ECONNRESET|EPIPE|closed/.test(error.message);
  if (!target.tls || certFile !== undefined || !wasDropped) return error;
  return new Error(`${error.message} (perhaps it asks for a certificate: --redis-cert)`, { cause: error });
}

/** Where it is, without who we are there. */
export function shownTarget(target: RedisTarget): string {
  const list = (addresses: readonly RedisAddress[]) => addresses.map(formatHostAndPort).join(", ");
  switch (target.kind) {
    case "cluster":
      return `the Cluster of ${list(target.nodes)}`;
    case "sentinel":
      return `${target.master} of the Sentinels ${list(target.sentinels)}`;
    case "single":
      return "path" in target.address ? target.address.path : list([target.address]);
  }
}

/** Sentinels are asked one after the other. */
function openMs({ target }: ConnectOptions): number {
  return target.kind === "sentinel" ? OPEN_MS * (target.sentinels.length + 1) : OPEN_MS;
}

function clientOptions(options: ConnectOptions, node: RedisAddress | undefined): ClientOptions {
  const { target } = options;
  const tls = target.tls ? { tls: tlsOptions(options) } : {};
  return {
    ...(target.kind === "sentinel" ? sentinelOptions(target, tls.tls) : { ...addressOptions(target, node), ...tls }),
    ...(target.username !== undefined && { username: target.username }),
    ...((target.password ?? target.username) !== undefined && { password: target.password ?? "" }),
    connectionName: options.clientName,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    // It asks INFO, which a user of ours need not be allowed.
    enableReadyCheck: false,
    disableClientInfo: true,
  };
}

function addressOptions(target: Exclude<RedisTarget, { kind: "sentinel" }>, node?: RedisAddress): ClientOptions {
  if (node) return { host: node.host, port: node.port };
  if (target.kind === "cluster") return { ...target.nodes[0] };
  return { ...target.address, db: target.database };
}

function sentinelOptions(
  target: Extract<RedisTarget, { kind: "sentinel" }>,
  tls?: ClientOptions["tls"],
): ClientOptions {
  return {
    sentinels: target.sentinels.map(({ host, port }) => ({ host, port })),
    name: target.master,
    db: target.database,
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: CONNECT_MS,
    ...(target.sentinelUsername !== undefined && { sentinelUsername: target.sentinelUsername }),
    ...(target.sentinelPassword !== undefined && { sentinelPassword: target.sentinelPassword }),
    ...(tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

/** Read anew each time, so that a renewed certificate is taken. */
function tlsOptions({ caFile, certFile, keyFile }: ConnectOptions): NonNullable<ClientOptions["tls"]> {
  return {
    ...(caFile !== undefined && { ca: readPem(caFile) }),
    ...(certFile !== undefined && { cert: readPem(certFile) }),
    ...(keyFile !== undefined && { key: readPem(keyFile) }),
  };
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new RedisRefusedError(`${file} cannot be read (${(cause as Error).message})`, { cause });
  }
}
