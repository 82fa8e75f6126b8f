/** Writes the envelope of a message in msgpack; what is opaque goes in as the bytes that it is. */
import type { RoomName } from "../../../protocol/frame.js";
import { writeText } from "../../../protocol/wtf8.js";

const HEAD_BYTES = 5;
const NUMBER_BYTES = 9;

export class MsgpackWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
  }

  map(fields: number): this {
    return this.#head(fields, 0x80, 15, undefined, 0xde);
  }

  array(items: number): this {
    return this.#head(items, 0x90, 15, undefined, 0xdc);
  }

  text(value: string): this {
    const length = Buffer.byteLength(value);
    this.#head(length, 0xa0, 31, 0xd9, 0xda);
    this.#reserve(length);
    this.#at += writeText(value, this.#bytes, this.#at);
    return this;
  }

  blob(bytes: Uint8Array): this {
    return this.#head(bytes.byteLength, undefined, 0, 0xc4, 0xc5).packed(bytes);
  }

  boolean(value: boolean): this {
    return this.#byte(value ? 0xc3 : 0xc2);
  }

  number(value: number): this {
    if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return this.#count(value);
    this.#reserve(NUMBER_BYTES);
    this.#bytes[this.#at] = 0xcb;
    this.#at = this.#bytes.writeDoubleBE(value, this.#at + 1);
    return this;
  }

  /** Of rooms and the like. */
  list(values: readonly RoomName[]): this {
    this.array(values.length);
    for (const value of values) this.#room(value);
    return this;
  }

  /** One whole value. */
  packed(value: Uint8Array): this {
    this.#reserve(value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
    return this;
  }

  /** One array of the items of several. */
  joined(arrays: readonly Buffer[]): this {
    const counts = arrays.map(itemsOf);
    this.array(counts.reduce((sum, { count }) => sum + count, 0));
    arrays.forEach((bytes, i) => {
      this.packed(bytes.subarray(counts[i]?.from));
    });
    return this;
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(value: unknown): this {
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number") return this.number(value);
    return typeof value === "boolean" ? this.boolean(value) : this.#byte(0xc0);
  }

  #count(value: number): this {
    if (value <= 0x7f) return this.#byte(value);
    this.#reserve(HEAD_BYTES);
    this.#bytes[this.#at] = 0xce;
    this.#at = this.#bytes.writeUInt32BE(value, this.#at + 1);
    return this;
  }

  /** `wide` is the prefix with a length of two bytes, which that of four follows. */
  #head(length: number, short: number | undefined, upTo: number, narrow: number | undefined, wide: number): this {
    this.#reserve(HEAD_BYTES);
    const bytes = this.#bytes;
    if (short !== undefined && length <= upTo) bytes[this.#at++] = short | length;
    else if (narrow !== undefined && length <= 0xff) {
      bytes[this.#at++] = narrow;
      bytes[this.#at++] = length;
    } else if (length <= 0xffff) {
      bytes[this.#at] = wide;
      this.#at = bytes.writeUInt16BE(length, this.#at + 1);
    } else {
      bytes[this.#at] = wide + 1;
      this.#at = bytes.writeUInt32BE(length, this.#at + 1);
    }
    return this;
  }

  #byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  #reserve(bytes: number): void {
    const wanted = this.#at + bytes;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(wanted * 2);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

/** Where the first item of an array that a worker has packed stands, and how many there are. */
function itemsOf(array: Buffer): { readonly count: number; readonly from: number } {
  const first = array[0] ?? 0;
  if (first >= 0x90 && first < 0xa0) return { count: first & 0x0f, from: 1 };
  if (first === 0xdc && array.length >= 3) return { count: array.readUInt16BE(1), from: 3 };
  if (first === 0xdd && array.length >= 5) return { count: array.readUInt32BE(1), from: 5 };
  return { count: 0, from: array.length };
}
