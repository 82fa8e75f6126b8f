/**
 * Events of other workers that came together for the same sockets, each one piece of text: what a burst of `io.emit()`
 * is made of. A client that takes WebSocket frames as they are gets all of them as one piece of memory, and none is decoded
 * for it. One worker's come as a run (protocol/run.ts); what other hosts sent comes as broadcasts, one behind the other.
 */
import { Encoding } from "../protocol/content.js";
import { TEXT_PART } from "../protocol/event-part.js";
import { type DecodedAddress, FRAME_HEAD_BYTES, FrameKind, FrameReader, kindOf } from "../protocol/frame.js";
import { readRun } from "../protocol/run.js";
import { eachText, textFrameBytes, writeTextHead } from "../protocol/text-frame.js";

export interface TextRun {
  readonly address: DecodedAddress;
  readonly flags: number;
  texts(): string[];
  /** As many WebSocket frames, one behind the other. */
  toWebSocketFrames(): Buffer;
}

/** The longest run that begins with this frame, and of how many frames it is; undefined where it begins with none. */
export function textRunAt(frames: readonly Buffer[], at: number): { run: TextRun; frames: number } | undefined {
  const first = frames[at] as Buffer;
  if (kindOf(first) === FrameKind.run) return { run: WrittenRun.of(first), frames: 1 };
  const run = BroadcastRun.beginningAt(frames, at);
  return run && { run, frames: run.length };
}

/** As its worker has written it. */
class WrittenRun implements TextRun {
  readonly address: DecodedAddress;
  readonly flags: number;
  readonly #frames: Buffer;
  readonly #places: number[] = [];

  /** Throws ProtocolError: what is no frame would be the end of each client's connection. */
  static of(frame: Buffer): WrittenRun {
    const { address, flags, frames } = readRun(frame);
    return new WrittenRun(address, flags, frames);
  }

  private constructor(address: DecodedAddress, flags: number, frames: Buffer) {
    this.address = address;
    this.flags = flags;
    this.#frames = frames;
    eachText(frames, (from, to) => this.#places.push(from, to));
  }

  texts(): string[] {
    const texts: string[] = [];
    for (let i = 0; i < this.#places.length; i += 2) {
      texts.push(this.#frames.toString("utf8", this.#places[i], this.#places[i + 1]));
    }
    return texts;
  }

  /** A copy: what was read of the link is read into again. */
  toWebSocketFrames(): Buffer {
    return Buffer.from(this.#frames);
  }
}

/** Broadcasts to the same address. */
class BroadcastRun implements TextRun {
  readonly address: DecodedAddress;
  readonly flags: number;
  readonly #frames: readonly Buffer[];
  /** Where the text begins in each. */
  readonly #textAt: number;

  static beginningAt(frames: readonly Buffer[], at: number): BroadcastRun | undefined {
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
    return new BroadcastRun(address, flags, frames.slice(at, end), read.at + 4);
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

  toWebSocketFrames(): Buffer {
    let bytes = 0;
    for (const frame of this.#frames) bytes += textFrameBytes(frame.length - this.#textAt);
    const target = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const frame of this.#frames) {
      at = writeTextHead(target, at, 1 + frame.length - this.#textAt);
      at += frame.copy(target, at, this.#textAt);
    }
    return target;
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
