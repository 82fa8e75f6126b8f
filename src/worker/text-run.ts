/**
 * Events of other workers that came together for the same sockets, each one piece of text: what a burst of `io.emit()`
 * is made of. A client that takes WebSocket frames as they are gets all of them as one piece of memory, and none is decoded
 * for it. Knows the frames of a link and of WebSocket, no sockets.
 */
import { Encoding } from "../protocol/content.js";
import { type DecodedAddress, FRAME_HEAD_BYTES, FrameKind, FrameReader, kindOf } from "../protocol/frame.js";
import { TEXT_PART } from "./event-part.js";

/** RFC 6455, 5.2: a whole message of text, and the lengths that take two and eight bytes more. */
const FINAL_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** Engine.IO's packet type "message". */
const MESSAGE = 0x34;

export class TextRun {
  readonly address: DecodedAddress;
  readonly flags: number;
  readonly #frames: readonly Buffer[];
  /** Where the text begins in each. */
  readonly #textAt: number;

  /** The longest run that begins with this frame; undefined where the frame is anything else. */
  static beginningAt(frames: readonly Buffer[], at: number): TextRun | undefined {
    const first = frames[at] as Buffer;
    if (kindOf(first) !== FrameKind.broadcast) return undefined;
    const read = new FrameReader(first);
    const packedBytes = read.number();
    const address = read.address();
    const flags = read.byte();
    if (packedBytes > 0 || read.byte() !== Encoding.own) return undefined;
    if (read.number() !== 1 || read.byte() !== TEXT_PART || !isUtf8(first, read.at)) return undefined;
    let end = at + 1;
    while (end < frames.length && continues(first, read.at, frames[end] as Buffer)) end++;
    return new TextRun(address, flags, frames.slice(at, end), read.at + 4);
  }

  private constructor(address: DecodedAddress, flags: number, frames: readonly Buffer[], textAt: number) {
    this.address = address;
    this.flags = flags;
    this.#frames = frames;
    this.#textAt = textAt;
  }

  get length(): number {
    return this.#frames.length;
  }

  texts(): string[] {
    return this.#frames.map((frame) => frame.toString("utf8", this.#textAt));
  }

  /** As many WebSocket frames, one behind the other. */
  toWebSocketFrames(): Buffer {
    let bytes = 0;
    for (const frame of this.#frames) bytes += headBytes(this.#messageBytes(frame)) + this.#messageBytes(frame);
    const target = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const frame of this.#frames) {
      at = writeHead(target, at, this.#messageBytes(frame));
      target[at++] = MESSAGE;
      at += frame.copy(target, at, this.#textAt);
    }
    return target;
  }

  #messageBytes(frame: Buffer): number {
    return 1 + frame.length - this.#textAt;
  }
}

/** Same kind, address, flags and form: their encodings are the same bytes, so none needs to be read. */
function continues(first: Buffer, lengthAt: number, next: Buffer): boolean {
  return (
    kindOf(next) === FrameKind.broadcast &&
    next.length >= lengthAt + 4 &&
    first.compare(next, FRAME_HEAD_BYTES, lengthAt, FRAME_HEAD_BYTES, lengthAt) === 0 &&
    isUtf8(next, lengthAt)
  );
}

/** The text ends where the frame ends, as it says. That of text which is no UTF-8 has a flag in its length, see frame.ts. */
function isUtf8(frame: Buffer, lengthAt: number): boolean {
  return frame.length >= lengthAt + 4 && frame.readUInt32LE(lengthAt) === frame.length - lengthAt - 4;
}

function headBytes(length: number): number {
  return length < LENGTH_16 ? 2 : length < 0x1_0000 ? 4 : 10;
}

function writeHead(target: Buffer, at: number, length: number): number {
  target[at] = FINAL_TEXT;
  if (length < LENGTH_16) return target.writeUInt8(length, at + 1);
  target[at + 1] = length < 0x1_0000 ? LENGTH_16 : LENGTH_64;
  return length < 0x1_0000 ? target.writeUInt16BE(length, at + 2) : target.writeBigUInt64BE(BigInt(length), at + 2);
}
