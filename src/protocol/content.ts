/**
 * What a broadcast, command or request says, behind whom it is for. `payload` is for workers, and means what `encoding`
 * says. `packed` is the same for other hosts, as Redis carries it: a worker adds it when there is an uplink, and the switch
 * takes it off before it relays the frame to other workers.
 */
import { FRAME_HEAD_BYTES, FrameBatch, FrameKind, FrameReader, kindOf, ProtocolError } from "./frame.js";

/** What a command wants done, or a request wants to know. */
export const Verb = {
  /** Commands. Payload: the rooms. */
  join: 1,
  leave: 2,
  /** Payload: `u8 1 to close the connection`. */
  disconnect: 3,
  /** `serverSideEmit`, a command or, with an acknowledgement, a request. Payload: its arguments. */
  event: 4,
  /** Requests without a payload. */
  fetch: 10,
  ids: 11,
  rooms: 12,
  /** A broadcast with acknowledgements. Payload: `u8 flags`, then as a broadcast's. */
  emit: 13,
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

/**
 * `own`: as workers write for each other: an event in the parts that Socket.IO's parser made of it, other values as
 * structured clones. The others come from plain servers; what is asked in them is answered in msgpack.
 */
export const Encoding = { own: 0, msgpack: 1, json: 2 } as const;
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

/** How an event is to be sent to clients. */
export interface Flags {
  readonly volatile?: boolean | undefined;
  readonly compress?: boolean | undefined;
}

const VOLATILE = 1;
const COMPRESS = 2;
const DO_NOT_COMPRESS = 4;

export function packFlags({ volatile, compress }: Flags = {}): number {
  const compression = compress === undefined ? 0 : compress ? COMPRESS : DO_NOT_COMPRESS;
  return (volatile ? VOLATILE : 0) | compression;
}

export function unpackFlags(bits: number): { volatile?: true; compress?: boolean } {
  const compression = bits & COMPRESS ? { compress: true } : bits & DO_NOT_COMPRESS ? { compress: false } : {};
  return { ...(bits & VOLATILE && { volatile: true as const }), ...compression };
}

export interface Content {
  /** A broadcast's flags; a verb elsewhere. */
  readonly what: number;
  readonly encoding: number;
  readonly payload: Buffer;
  readonly packed: Buffer;
}

/** Reads the rest of a frame whose address was read last. */
export function readContent(read: FrameReader, packedBytes: number): Content {
  const what = read.byte();
  const encoding = read.byte();
  const rest = read.rest();
  if (packedBytes > rest.length) throw new ProtocolError(`${packedBytes} packed bytes in ${rest.length}`);
  const end = rest.length - packedBytes;
  return { what, encoding, payload: rest.subarray(0, end), packed: rest.subarray(end) };
}

/** The frame as it goes to workers. It is shortened in place, so what was packed in it is to be used before. */
export function withoutPacked(frame: Buffer): Buffer {
  const at = kindOf(frame) === FrameKind.request ? FRAME_HEAD_BYTES + 4 : FRAME_HEAD_BYTES;
  const packedBytes = frame.readUInt32LE(at);
  if (packedBytes === 0) return frame;
  const size = frame.length - packedBytes;
  if (size < at + 4) throw new ProtocolError(`${packedBytes} packed bytes in ${frame.length}`);
  frame.writeUInt32LE(0, at);
  frame.writeUInt32LE(size - 4, 0);
  return frame.subarray(0, size);
}

/** As `withoutPacked`, for who keeps it; the frame stays as it is. */
export function copyWithoutPacked(frame: Buffer): Buffer {
  const packedBytes = frame.readUInt32LE(FRAME_HEAD_BYTES);
  if (packedBytes > frame.length - FRAME_HEAD_BYTES - 4) {
    throw new ProtocolError(`${packedBytes} packed bytes in ${frame.length}`);
  }
  const copy = Buffer.from(frame.subarray(0, frame.length - packedBytes));
  copy.writeUInt32LE(0, FRAME_HEAD_BYTES);
  copy.writeUInt32LE(copy.length - 4, 0);
  return copy;
}

/** A broadcast or command, for the same but for these. */
export function withExcept(frame: Buffer, ids: readonly string[]): Buffer {
  const kind = kindOf(frame);
  const read = new FrameReader(frame);
  const into = new FrameBatch().begin(kind).number(read.number());
  if (kind === FrameKind.command) into.byte(read.byte());
  const { namespace, rooms, except } = read.address();
  into
    .address({ namespace, rooms, except: [...except, ...ids] })
    .bytes(read.rest())
    .end();
  return Buffer.concat(into.take());
}
