/** What workers have sent, read from their frames as the wire takes it. Runs in the primary; what is packed stays so. */
import { type Content, readContent, unpackFlags, Verb } from "../../protocol/content.js";
import { type DecodedAddress, FrameReader } from "../../protocol/frame.js";
import { eachEvent, readRun } from "../../protocol/run.js";
import type { Command, Flags, Outgoing, OutgoingQuestion } from "./wire/message.js";

type Of<Kind extends Outgoing["kind"]> = Extract<Outgoing, { kind: Kind }>;

/** Up to this size an event is also sent as its worker wrote it: other hosts' workers then pass it on as it is. */
const MAX_OWN_BYTES = 4 * 1024;

export type OutgoingBroadcast = Of<"broadcast">;

/** Undefined: it was not packed, because it could not be; the worker has counted it. */
export function readBroadcast(frame: Buffer): OutgoingBroadcast | undefined {
  const read = new FrameReader(frame);
  const packedBytes = read.number();
  if (packedBytes === 0) return undefined;
  const address = read.address();
  const { what, payload, packed } = readContent(read, packedBytes);
  return broadcastOf(address, unpackFlags(what), payload, packed);
}

/** Those of a run. */
export function readEvents(frame: Buffer): OutgoingBroadcast[] {
  const run = readRun(frame);
  const flags = unpackFlags(run.flags);
  const messages: OutgoingBroadcast[] = [];
  eachEvent(run, (payload, packed) => {
    if (packed.length > 0) messages.push(broadcastOf(run.address, flags, payload, packed));
  });
  return messages;
}

function broadcastOf(address: DecodedAddress, flags: Flags, payload: Buffer, args: Buffer): OutgoingBroadcast {
  const host = payload.length <= MAX_OWN_BYTES ? { host: { payloads: [payload] } } : undefined;
  return { kind: "broadcast", namespace: address.namespace, address, flags, args, ...host };
}

export function readCommand(frame: Buffer): Of<"command"> | Of<"event"> | undefined {
  const read = new FrameReader(frame);
  const packedBytes = read.number();
  read.byte();
  const address = read.address();
  const content = readContent(read, packedBytes);
  const { namespace } = address;
  if (content.what !== Verb.event) return { kind: "command", namespace, address, command: commandOf(content) };
  if (packedBytes === 0) return undefined;
  return { kind: "event", namespace, args: content.packed, host: { payloads: [content.payload] } };
}

export interface Asked {
  readonly id: number;
  readonly timeoutMs: number;
  readonly address: DecodedAddress;
  /** Undefined: it was not packed, because it could not be. */
  readonly question: OutgoingQuestion | undefined;
  /** As workers read it. */
  readonly payloads: readonly Buffer[];
}

export function readRequest(frame: Buffer): Asked {
  const read = new FrameReader(frame);
  const id = read.number();
  const packedBytes = read.number();
  const timeoutMs = read.number();
  read.byte();
  const address = read.address();
  const content = readContent(read, packedBytes);
  const payloads = packedBytes > 0 ? [content.payload] : [];
  return { id, timeoutMs, address, question: questionOf(content), payloads };
}

function commandOf({ what, payload }: Content): Command {
  const read = new FrameReader(payload, 0);
  if (what === Verb.disconnect) return { name: "disconnect", close: read.byte() === 1 };
  return { name: what === Verb.join ? "join" : "leave", rooms: read.rooms() };
}

function questionOf({ what, payload, packed }: Content): OutgoingQuestion | undefined {
  switch (what) {
    case Verb.fetch:
      return { name: "fetch" };
    case Verb.ids:
      return { name: "ids" };
    case Verb.rooms:
      return { name: "rooms" };
    case Verb.event:
      return packed.length > 0 ? { name: "event", args: packed } : undefined;
    case Verb.emit:
      return packed.length > 0 ? { name: "emit", args: packed, flags: unpackFlags(payload[0] ?? 0) } : undefined;
    default:
      return undefined;
  }
}
