/**
 * What a worker does for another one: the commands it carries out on its own sockets and the questions it answers about
 * them. The asking side is adapter.ts.
 */
import { Adapter, type BroadcastOptions, type Room, type SocketId } from "socket.io-adapter";
import { isEncodable } from "./codec.js";
import { EVENT, type Packet, unpackFlags } from "./event.js";
import { type EventPart, NO_ANSWER, type Respond } from "./exchange.js";

export type Command =
  | { readonly name: "join" | "leave"; readonly rooms: Room[] }
  | { readonly name: "disconnect"; readonly close: boolean }
  /** `serverSideEmit` without an acknowledgement. */
  | { readonly name: "event"; readonly args: unknown[] };

export type Question =
  | { readonly name: "fetch" | "ids" | "rooms" }
  /** `serverSideEmit` with one. */
  | { readonly name: "event"; readonly args: unknown[] }
  /** A broadcast with acknowledgements: one answer per client. */
  | { readonly name: "emit"; readonly parts: readonly EventPart[]; readonly flags: number };

export interface RemoteSocketDetails {
  readonly id: SocketId;
  readonly handshake: object;
  readonly rooms: Room[];
  readonly data: unknown;
}

interface LocalSocket {
  readonly id: SocketId;
  readonly handshake: Record<string, unknown>;
  readonly rooms: Set<Room>;
  readonly data: unknown;
}

interface EventTarget {
  _onServerSideEmit(args: unknown[]): void;
}

/** What answering takes beside the question. */
export interface Asked {
  readonly adapter: Adapter;
  readonly options: BroadcastOptions;
  /** After it nobody listens to an answer. */
  readonly timeoutMs: number;
  readonly respond: Respond;
  /** What an event's parts are, as the app's parser decodes them. */
  decodeEvent(parts: readonly EventPart[]): unknown[];
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
      return (adapter.nsp as EventTarget)._onServerSideEmit(command.args);
  }
}

export function answer(question: Question, asked: Asked): void {
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
      return askClients(asked.decodeEvent(question.parts), question.flags, asked);
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
  namespace._onServerSideEmit([
    ...args,
    (value: unknown) => {
      if (answered) return;
      answered = true;
      respond(value, true);
    },
  ]);
}

function askClients(data: unknown[], flags: number, asked: Asked): void {
  if (data.length === 0) return asked.respond(NO_ANSWER, true);
  collectAcks({ type: EVENT, data }, flags, asked);
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
