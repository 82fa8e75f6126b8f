/**
 * Real Socket.IO clients, on the worker that a test wants them on. A session id names its owner, so a client knows
 * where it has landed; it tries again until that is right.
 */
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { ownerOf, type SessionOwner } from "../../../src/protocol/session-id.js";
import { onCleanup } from "./cleanup.js";
import { within } from "./eventually.js";

export type { Socket } from "socket.io-client";

const CONNECT_MS = 10_000;
const EVENT_MS = 5_000;
const PLACEMENT_TRIES = 100;

export interface Server {
  readonly url: string;
  /** What is trusted beside the usual authorities, where the URL is of https. */
  readonly ca?: string;
}

export type Transport = "websocket" | "polling" | "both";

export interface ClientOptions {
  readonly transport?: Transport;
  readonly namespace?: string;
  readonly options?: Partial<ManagerOptions & SocketOptions>;
}

/** A client that has begun to connect; the test awaits what it expects. */
export function open(
  server: Server,
  { transport = "websocket", namespace = "/", options }: ClientOptions = {},
): Socket {
  const client = io(server.url + namespace, {
    transports: transport === "both" ? ["polling", "websocket"] : [transport],
    forceNew: true,
    reconnection: false,
    ...(server.ca !== undefined && { ca: server.ca }),
    ...options,
  });
  onCleanup(() => client.disconnect());
  return client;
}

/** A connected client. */
export async function connect(server: Server, options: ClientOptions = {}): Promise<Socket> {
  const client = open(server, options);
  await within(connected(client), CONNECT_MS, `a connection to ${server.url}`);
  return client;
}

/** A connected client whose session is in the worker of that slot. */
export async function clientOn(server: Server, slot: number, options: ClientOptions = {}): Promise<Socket> {
  const misses: Socket[] = [];
  try {
    for (let tries = 0; tries < PLACEMENT_TRIES; tries++) {
      const client = await connect(server, options);
      if (slotOf(client) === slot) return client;
      // They stay connected meanwhile: a balancer that counts would give the same worker again.
      misses.push(client);
    }
  } finally {
    for (const miss of misses) miss.disconnect();
  }
  throw new Error(`none of ${PLACEMENT_TRIES} clients was placed on slot ${slot}`);
}

export async function clientsOnEach(
  server: Server,
  slots: readonly number[],
  options: ClientOptions = {},
): Promise<Socket[]> {
  const clients: Socket[] = [];
  for (const slot of slots) clients.push(await clientOn(server, slot, options));
  return clients;
}

/** The slot of the worker that holds the client's session. */
export function slotOf(client: Socket): number {
  return ownerOfClient(client).slot;
}

export function ownerOfClient(client: Socket): SessionOwner {
  const sessionId = sessionIdOfClient(client);
  const owner = ownerOf(sessionId);
  if (owner === undefined) throw new Error(`not a session id of Holdfast's: ${sessionId}`);
  return owner;
}

/** Engine.IO's id, not the socket's. */
export function sessionIdOfClient(client: Socket): string {
  return (client.io.engine as unknown as { id: string }).id;
}

/** The arguments of the client's next such event. Call it before what causes the event. */
export function received(client: Socket, event: string, withinMs = EVENT_MS): Promise<unknown[]> {
  const arrived = new Promise<unknown[]>((resolve) => {
    client.once(event, (...args: unknown[]) => resolve(args));
  });
  return awaited(arrived, withinMs, `the event "${event}" at ${client.id}`);
}

export interface Collection {
  /** The arguments of each event so far. */
  readonly items: unknown[][];
  untilCount(count: number, withinMs?: number): Promise<unknown[][]>;
  until(predicate: (items: unknown[][]) => boolean, withinMs?: number): Promise<unknown[][]>;
}

/** Every such event from now on. */
export function collect(client: Socket, event: string): Collection {
  const items: unknown[][] = [];
  client.on(event, (...args: unknown[]) => items.push(args));
  const until: Collection["until"] = (predicate, withinMs = EVENT_MS) => {
    const fits = new Promise<unknown[][]>((resolve) => {
      const look = () => predicate(items) && resolve(items);
      // Registered after the listener that collects, so it looks at what has just come.
      client.on(event, look);
      look();
    });
    return awaited(fits, withinMs, `"${event}" until ${predicate}`, () => items);
  };
  return { items, until, untilCount: (count, withinMs) => until(({ length }) => length >= count, withinMs) };
}

/** The reason of the client's next disconnect. */
export function disconnected(client: Socket, withinMs = EVENT_MS): Promise<string> {
  const ended = new Promise<string>((resolve) => {
    client.once("disconnect", (reason) => resolve(reason));
  });
  return awaited(ended, withinMs, `the disconnect of ${client.id}`);
}

/** Resolves when the client's transport is WebSocket. */
export async function upgraded(client: Socket, withinMs = EVENT_MS): Promise<void> {
  const { engine } = client.io;
  if (engine.transport.name === "websocket") return;
  const upgrade = new Promise<void>((resolve) => {
    engine.once("upgrade", () => resolve());
  });
  await within(upgrade, withinMs, `the upgrade of ${client.id}`);
}

/** A test that fails elsewhere never comes to await this: its deadline must not be reported as a second failure. */
function awaited<T>(...args: Parameters<typeof within<T>>): Promise<T> {
  const result = within(...args);
  result.catch(() => {});
  return result;
}

function connected(client: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve());
    // An attempt that fails is followed by another, unless it was refused or the client was told not to.
    client.on("connect_error", (error) => (client.active && client.io.reconnection() ? undefined : reject(error)));
  });
}
