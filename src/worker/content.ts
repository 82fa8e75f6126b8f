/**
 * What a worker says to other workers, as frames carry it, and what it reads of them. Each thing said is written in our own
 * encoding for the workers of this host and, when there is an uplink, packed as well for the other hosts.
 */
import type { BroadcastFlags, Room } from "socket.io-adapter";
import { Encoding, packFlags, Verb } from "../protocol/content.js";
import { type FrameBatch, FrameReader, ProtocolError, type RoomName } from "../protocol/frame.js";
import { decode, encode } from "./codec.js";
import {
  createPacket,
  type DecoderLike,
  type EventPart,
  type Packet,
  RemoteEvent,
  readEventParts,
  sizeOfParts,
  writeEventParts,
} from "./event.js";
import { unpack } from "./unpacker.js";

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
  | { readonly name: "emit"; readonly parts: readonly EventPart[]; readonly flags: number; readonly packed: Buffer };

/** What one frame says. */
export interface Saying {
  /** A broadcast's flags; a verb elsewhere. */
  readonly what: number;
  /** Of the payload, about. */
  readonly bytes: number;
  write(frame: FrameBatch): void;
  /** For other hosts; empty when there are none, or where the verb and the address say it all. */
  readonly packed: Buffer;
}

/** What was read of one frame. */
export interface Heard {
  readonly what: number;
  readonly encoding: number;
  readonly payload: Buffer;
}

/** Those of Socket.IO's clients themselves. */
const CLIENT_EVENTS = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

export const NOTHING = Buffer.alloc(0);
const BARE = { bytes: 0, write: () => {}, packed: NOTHING };

export function sayEvent(parts: readonly EventPart[], flags: BroadcastFlags | undefined, packed: Buffer): Saying {
  return {
    what: packFlags(flags),
    bytes: sizeOfParts(parts),
    write: (frame) => writeEventParts(frame, parts),
    packed,
  };
}

/** As other hosts read it; empty when there are none. */
export type Pack = (args: unknown[]) => Buffer;

/** Throws EncodeError. */
export function sayCommand(command: Command, pack: Pack): Saying {
  switch (command.name) {
    case "join":
    case "leave":
      return { ...BARE, what: Verb[command.name], write: (frame) => frame.rooms(command.rooms as RoomName[]) };
    case "disconnect":
      return { ...BARE, what: Verb.disconnect, write: (frame) => frame.byte(command.close ? 1 : 0) };
    case "event":
      return sayValue(Verb.event, command.args, pack(command.args));
  }
}

/** Throws EncodeError. */
export function sayQuestion(question: Question, pack: Pack): Saying {
  switch (question.name) {
    case "event":
      return sayValue(Verb.event, question.args, pack(question.args));
    case "emit": {
      const { flags, parts, packed } = question;
      const write = (frame: FrameBatch) => writeEventParts(frame.byte(flags), parts);
      return { what: Verb.emit, bytes: sizeOfParts(parts), write, packed };
    }
    default:
      return { ...BARE, what: Verb[question.name] };
  }
}

/** What only Holdfast's workers understand still needs a plain form: that of a `serverSideEmit` of nothing. */
export function sayAmongWorkers(value: unknown, pack: Pack): Saying {
  return sayValue(Verb.event, value, pack([]));
}

function sayValue(what: Verb, value: unknown, packed: Buffer): Saying {
  const payload = encode(value);
  return { what, bytes: payload.length, write: (frame) => frame.bytes(payload), packed };
}

/** The event of a broadcast. Throws DecodeError. */
export function readEvent({ encoding, payload }: Heard, createDecoder: () => DecoderLike): Packet {
  if (encoding === Encoding.own) return new RemoteEvent(readEventParts(readerOf(payload)), createDecoder);
  const data = readArguments(encoding, payload);
  if (!isForClients(data[0])) throw new ProtocolError(`an event named ${String(data[0])} is not for clients`);
  return createPacket(data);
}

/** Socket.IO's clients end a connection that brings them any other. */
function isForClients(name: unknown): boolean {
  return typeof name === "number" || (typeof name === "string" && !CLIENT_EVENTS.includes(name));
}

/** Throws DecodeError. */
export function readCommand({ what, encoding, payload }: Heard): Command {
  switch (what) {
    case Verb.join:
    case Verb.leave:
      return { name: what === Verb.join ? "join" : "leave", rooms: readerOf(payload).rooms() as Room[] };
    case Verb.disconnect:
      return { name: "disconnect", close: readerOf(payload).byte() === 1 };
    case Verb.event:
      return { name: "event", args: readArguments(encoding, payload) };
    default:
      throw new ProtocolError(`a command of verb ${what}`);
  }
}

/** What a worker was asked; of a broadcast with acknowledgements, the event itself. */
export type Asking =
  | { readonly name: "fetch" | "ids" | "rooms" }
  | { readonly name: "event"; readonly args: unknown[] }
  | { readonly name: "emit"; readonly data: unknown[]; readonly flags: number };

/** Throws DecodeError. */
export function readQuestion({ what, encoding, payload }: Heard, createDecoder: () => DecoderLike): Asking {
  switch (what) {
    case Verb.fetch:
      return { name: "fetch" };
    case Verb.ids:
      return { name: "ids" };
    case Verb.rooms:
      return { name: "rooms" };
    case Verb.event:
      return { name: "event", args: readArguments(encoding, payload) };
    case Verb.emit: {
      const { data } = readEvent({ what, encoding, payload: payload.subarray(1) }, createDecoder);
      return { name: "emit", data, flags: payload[0] ?? 0 };
    }
    default:
      throw new ProtocolError(`a request of verb ${what}`);
  }
}

/** What `sayAmongWorkers` said; undefined when it comes from a plain server. Throws DecodeError. */
export function readAmongWorkers({ encoding, payload }: Heard): unknown {
  return encoding === Encoding.own ? decode(payload) : undefined;
}

export function readValue(encoding: number, payload: Buffer): unknown {
  return encoding === Encoding.own ? decode(payload) : unpack({ encoding: nameOf(encoding), bytes: payload });
}

function readArguments(encoding: number, payload: Buffer): unknown[] {
  const args = readValue(encoding, payload);
  if (Array.isArray(args)) return args;
  throw new ProtocolError("an event that is no array");
}

function nameOf(encoding: number): "msgpack" | "json" {
  return encoding === Encoding.json ? "json" : "msgpack";
}

/** For what is written like a frame and stands behind other things. */
function readerOf(payload: Buffer): FrameReader {
  return new FrameReader(payload, 0);
}
