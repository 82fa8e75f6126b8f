/**
 * A run: several events to one address that a worker has emitted in one tick, in one frame, which is relayed, read and
 * written to clients as one. Its body is
 *
 *     u32 packedBytes | address | u8 flags | frames of text-frame.ts | n × (u32 length | packed)
 *
 * so it begins as a broadcast's does, and what is packed for other hosts is cut off as a broadcast's is.
 */
import { Encoding } from "./content.js";
import { TEXT_PART } from "./event-part.js";
import { type Address, type DecodedAddress, FrameBatch, FrameKind, FrameReader, ProtocolError } from "./frame.js";
import { eachText } from "./text-frame.js";

/** Larger events go by themselves, and so does what would make a run larger than this. */
export const MAX_RUN_BYTES = 64 * 1024;

export interface Run {
  readonly address: DecodedAddress;
  readonly flags: number;
  /** Frames of text, one behind the other. */
  readonly frames: Buffer;
  /** For other hosts, one for each event; empty where nothing is packed. */
  readonly packed: readonly Buffer[];
}

/** `packed` has as many pieces as `frames`, or none. */
export function writeRun(
  batch: FrameBatch,
  run: { readonly address: Address; readonly flags: number },
  frames: readonly Buffer[],
  packed: readonly Buffer[],
): void {
  const packedBytes = packed.reduce((sum, { length }) => sum + 4 + length, 0);
  batch.begin(FrameKind.run).number(packedBytes).address(run.address).byte(run.flags);
  for (const frame of frames) batch.bytes(frame);
  for (const each of packed) batch.sizedBytes(each);
  batch.end();
}

/** Throws ProtocolError. That the frames are such is for eachText() to find. */
export function readRun(run: Buffer): Run {
  const read = new FrameReader(run);
  const packedBytes = read.number();
  const address = read.address();
  const flags = read.byte();
  const rest = read.rest();
  if (packedBytes > rest.length) throw new ProtocolError(`${packedBytes} packed bytes in ${rest.length}`);
  const end = rest.length - packedBytes;
  const packed: Buffer[] = [];
  const readPacked = new FrameReader(rest, end);
  while (readPacked.at < rest.length) packed.push(readPacked.sizedBytes());
  return { address, flags, frames: rest.subarray(0, end), packed };
}

/** Each event of a run as the payload of a broadcast's content, with what is packed of it. */
export function eachEvent({ frames, packed }: Run, onEvent: (payload: Buffer, packed: Buffer) => void): void {
  let i = 0;
  eachText(frames, (from, to) => {
    const payload = Buffer.allocUnsafe(PART_HEAD_BYTES + to - from);
    payload.writeUInt32LE(1, 0);
    payload[4] = TEXT_PART;
    payload.writeUInt32LE(to - from, 5);
    frames.copy(payload, PART_HEAD_BYTES, from, to);
    onEvent(payload, packed[i++] ?? NOTHING);
  });
}

/** Each event as a broadcast of its own, for who takes nothing else; what is packed is left out. */
export function broadcastsOf(run: Buffer): Buffer[] {
  const read = readRun(run);
  const batch = new FrameBatch();
  const broadcasts: Buffer[] = [];
  eachEvent(read, (payload) => {
    batch.begin(FrameKind.broadcast).number(0).address(read.address).byte(read.flags).byte(Encoding.own);
    batch.bytes(payload).end();
    broadcasts.push(Buffer.concat(batch.take()));
  });
  return broadcasts;
}

/** The number of parts, what the part is, and its length. */
const PART_HEAD_BYTES = 9;
const NOTHING = Buffer.alloc(0);
