/**
 * What a worker does for another one: the commands it carries out on its own sockets and the questions it answers about
 * them. The asking side is adapter.ts.
 */
import { Adapter, type BroadcastOptions, type Room, type SocketId } from "socket.io-adapter";
import { unpackFlags } from "../protocol/content.js";
import { isEncodable } from "./codec.js";
import type { Asking, Command } from "./content.js";
import { createPacket, type Packet } from "./event.js";
import { NO_ANSWER, type Respond } from "./exchange.js";

export interface RemoteSocketDetails {
  readonly id: SocketId;
  readonly handshake: object;
  readonly rooms: Room[];
  readonly data: unknown;
}

/** Whether it can be made a RemoteSocket: a plain server's answer is not believed. */
export function isDetails(value: unknown): value is RemoteSocketDetails {
  const { id, handshake, rooms } = (value ?? {}) as Partial<RemoteSocketDetails>;
  return typeof id === "string" && typeof handshake === "object" && Array.isArray(rooms);
}

interface LocalSocket {
  readonly id: SocketId;
  readonly handshake: Record<string, unknown>;
  readonly rooms: Set<Room>;
  readonly data: unknown;
}

interface EventTarget {
  _onServerSideEmit(args: unknown[]): void;
  listenerCount(event: string): number;
}

/** Socket.IO's own events; an app is kept from sending them, a message from Redis is not. */
const OWN_EVENTS: readonly unknown[] = ["connect", "connection", "new_namespace"];

/** What answering takes beside the question. */
export interface Asked {
  readonly adapter: Adapter;
  readonly options: BroadcastOptions;
  /** After it nobody listens to an answer. */
  readonly timeoutMs: number;
  readonly respond: Respond;
}

const local = Adapter.prototype;

export function run(adapter: Adapter, options: BroadcastOptions, command: Command): void {
  switch (command.name) {
    case "join":
      return local.addSockets.call(adapter, options, command.rooms);
    case "leave":
      return local.delSockets.call(adapter, options, command.rooms);
    case "disconnect":
      return local.disconnectSockets.call(adapter, options, command.close);
    case "event":
      return emitServerSide(adapter.nsp as EventTarget, command.args);
  }
}

export function answer(question: Asking, asked: Asked): void {
  const { adapter, options, respond } = asked;
  switch (question.name) {
    case "fetch":
      return describeSockets(adapter, options, respond);
    case "ids":
      return respond(
        describe(adapter, options, (socket) => socket.id),
        true,
      );
    case "rooms":
      return respond([...adapter.rooms.keys()], true);
    case "event":
      return answerEvent(adapter.nsp as EventTarget, question.args, respond);
    case "emit":
      return askClients(question.data, question.flags, asked);
  }
}

function describeSockets(adapter: Adapter, options: BroadcastOptions, respond: Respond): void {
  const sockets = describe(adapter, options, detailsOf);
  // An app's data may hold what has no encoding, and so may what a client sent in its handshake.
  respond(sockets, true, () => {
    return sockets.map(({ handshake, data, ...rest }) => ({
      ...rest,
      handshake: encodablePart(handshake),
      data: encodablePart(data),
    }));
  });
}

function encodablePart(value: unknown): unknown {
  if (isEncodable(value)) return value;
  return Object.fromEntries(Object.entries(value as object).filter(([, entry]) => isEncodable(entry)));
}

function describe<T>(adapter: Adapter, options: BroadcastOptions, view: (socket: LocalSocket) => T): T[] {
  const found: T[] = [];
  const walk = adapter as unknown as { apply(options: BroadcastOptions, visit: (socket: LocalSocket) => void): void };
  walk.apply(options, (socket) => found.push(view(socket)));
  return found;
}

function detailsOf(socket: LocalSocket): RemoteSocketDetails {
  // express-session's store holds timers and circles.
  const { sessionStore: _, ...handshake } = socket.handshake;
  return { id: socket.id, handshake, rooms: [...socket.rooms], data: socket.data };
}

function answerEvent(namespace: EventTarget, args: unknown[], respond: Respond): void {
  let answered = false;
  emitServerSide(namespace, [
    ...args,
    (value: unknown) => {
      if (answered) return;
      answered = true;
      respond(value, true);
    },
  ]);
}

/** An event "error" that nobody listens to would be thrown, and end the worker. */
function emitServerSide(namespace: EventTarget, args: unknown[]): void {
  const [event] = args;
  if (OWN_EVENTS.includes(event) || (event === "error" && namespace.listenerCount(event) === 0)) return;
  namespace._onServerSideEmit(args);
}

function askClients(data: unknown[], flags: number, asked: Asked): void {
  if (data.length === 0) return asked.respond(NO_ANSWER, true);
  collectAcks(createPacket(data), flags, asked);
}

function collectAcks(packet: Packet, flags: number, { adapter, options, timeoutMs, respond }: Asked): void {
  let missing = Number.POSITIVE_INFINITY;
  // A client that stays silent would leave its callback behind.
  const giveUp = setTimeout(() => forgetAck(adapter, packet), timeoutMs);
  const onCount = (clients: number) => {
    missing = clients;
    if (missing > 0) return;
    clearTimeout(giveUp);
    respond(NO_ANSWER, true);
  };
  const onAck = (value: unknown) => {
    if (--missing === 0) clearTimeout(giveUp);
    respond(value, missing === 0);
  };
  local.broadcastWithAck.call(adapter, packet, { ...options, flags: unpackFlags(flags) }, onCount, onAck);
}

function forgetAck(adapter: Adapter, { id }: Packet): void {
  const { sockets } = adapter.nsp as { sockets: Map<SocketId, { acks: Map<number, unknown> }> };
  for (const socket of sockets.values()) socket.acks.delete(id as number);
}
