/**
 * An event that is one piece of text, as clients on a plain WebSocket get it: a whole WebSocket message of Engine.IO's
 * type "message". Made once, by the worker whose app emits it; all others pass the bytes on.
 */
import { ProtocolError } from "./frame.js";

/** RFC 6455, 5.2: a whole message of text, and the lengths that take two and eight bytes more. */
const FINAL_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** Engine.IO's packet type "message". */
const MESSAGE = 0x34;

export function textFrameOf(text: string): Buffer {
  const messageBytes = 1 + Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headBytes(messageBytes) + messageBytes);
  const at = writeTextHead(frame, 0, messageBytes);
  frame.write(text, at, "utf8");
  return frame;
}

/** How much a text of so many bytes takes as a frame. */
export function textFrameBytes(textBytes: number): number {
  return headBytes(1 + textBytes) + 1 + textBytes;
}

/** All that stands before the text. `messageBytes` counts the packet type, which is written, too. */
export function writeTextHead(target: Buffer, at: number, messageBytes: number): number {
  const typeAt = writeHead(target, at, messageBytes);
  target[typeAt] = MESSAGE;
  return typeAt + 1;
}

/** Calls back with where each text begins and ends. Throws ProtocolError on anything else than such frames, no more and no less. */
export function eachText(frames: Buffer, onText: (from: number, to: number) => void): void {
  for (let at = 0; at < frames.length; ) {
    const from = at + headBytesAt(frames, at);
    const to = from + lengthAt(frames, at);
    if (!(to > from && to <= frames.length && frames[from] === MESSAGE)) throw new ProtocolError("no frames of text");
    onText(from + 1, to);
    at = to;
  }
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

function headBytesAt(frames: Buffer, at: number): number {
  const length = frames[at + 1];
  const bytes = length === LENGTH_16 ? 4 : length === LENGTH_64 ? 10 : 2;
  if (frames[at] !== FINAL_TEXT || at + bytes > frames.length) throw new ProtocolError("no frame of text");
  return bytes;
}

function lengthAt(frames: Buffer, at: number): number {
  const length = frames[at + 1] as number;
  if (length === LENGTH_16) return frames.readUInt16BE(at + 2);
  return length === LENGTH_64 ? Number(frames.readBigUInt64BE(at + 2)) : length;
}
