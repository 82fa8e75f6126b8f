/**
 * Reads what crosses Redis: JSON, and msgpack as notepack.io writes it. Runs in workers only. What it reads has passed the
 * primary's walk, and is not believed for that: it claims no more memory than the bytes hold, is not nested without
 * end, and a key `__proto__` is a key.
 */
import type { Packed } from "../protocol/packed.js";
import { readText } from "../protocol/wtf8.js";
import { DecodeError } from "./codec.js";

const MAX_DEPTH = 500;
/** Texts up to this length are read by a loop, which beats a call of Node's. */
const SHORT_BYTES = 16;

/** Throws DecodeError on what cannot be read or is nested too deep. Binary values have memory of their own. */
export function unpack({ encoding, bytes }: Packed): unknown {
  try {
    return encoding === "json" ? JSON.parse(bytes.toString("utf8")) : new Unpacker(bytes).whole();
  } catch (error) {
    throw new DecodeError(`${bytes.length} bytes of another host cannot be read`, { cause: error });
  }
}

class Unpacker {
  readonly #bytes: Buffer;
  #at = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  whole(): unknown {
    const value = this.#value();
    if (this.#at !== this.#bytes.length) throw new RangeError(`${this.#bytes.length - this.#at} bytes too many`);
    return value;
  }

  #value(): unknown {
    const first = this.#byte();
    if (first < 0x80) return first;
    if (first < 0x90) return this.#map(first & 0x0f);
    if (first < 0xa0) return this.#array(first & 0x0f);
    if (first < 0xc0) return this.#text(first & 0x1f);
    return first >= 0xe0 ? first - 0x100 : this.#long(first);
  }

  /** What has a size or a value in the bytes that follow. */
  #long(first: number): unknown {
    switch (first) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return Buffer.from(this.#slice(this.#size(first - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#size(first - 0xc7), "sized");
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (first - 0xd4), "fixed");
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#size(first - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#size(first - 0xdb));
      case 0xde:
      case 0xdf:
        return this.#map(this.#size(first - 0xdd));
      default:
        return this.#number(first);
    }
  }

  #number(first: number): number {
    const bytes = this.#bytes;
    switch (first) {
      case 0xca:
        return bytes.readFloatBE(this.#skip(4));
      case 0xcb:
        return bytes.readDoubleBE(this.#skip(8));
      case 0xcc:
        return bytes.readUInt8(this.#skip(1));
      case 0xcd:
        return bytes.readUInt16BE(this.#skip(2));
      case 0xce:
        return bytes.readUInt32BE(this.#skip(4));
      case 0xcf:
        return Number(bytes.readBigUInt64BE(this.#skip(8)));
      case 0xd0:
        return bytes.readInt8(this.#skip(1));
      case 0xd1:
        return bytes.readInt16BE(this.#skip(2));
      case 0xd2:
        return bytes.readInt32BE(this.#skip(4));
      case 0xd3:
        return Number(bytes.readBigInt64BE(this.#skip(8)));
      default:
        throw new RangeError(`a value that begins with ${first}`);
    }
  }

  #text(length: number): string {
    const from = this.#skip(length);
    return (length <= SHORT_BYTES && this.#ascii(from, length)) || readText(this.#bytes, from, from + length);
  }

  /** Undefined when it is more than that. */
  #ascii(from: number, length: number): string | undefined {
    let text = "";
    for (let i = from; i < from + length; i++) {
      const code = this.#bytes[i] as number;
      if (code >= 0x80) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** Grows with what is there: a length alone claims nothing. */
  #array(length: number): unknown[] {
    this.#enter();
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.push(this.#value());
    this.#depth--;
    return items;
  }

  #map(length: number): Record<string, unknown> {
    this.#enter();
    const fields: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.#key();
      const value = this.#value();
      if (key === "__proto__") defineField(fields, key, value);
      else fields[key] = value;
    }
    this.#depth--;
    return fields;
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH}`);
  }

  #key(): string {
    const key = this.#value();
    if (typeof key === "string" || typeof key === "number") return String(key);
    throw new RangeError("a key that is no text");
  }

  /** As notepack.io reads them: of type 0 its own of old, of type -1 a timestamp, any other by its number and bytes. */
  #extension(length: number, form: "fixed" | "sized"): unknown {
    const type = this.#bytes.readInt8(this.#skip(1));
    const content = this.#slice(length);
    if (type === -1) return timestampOf(content);
    if (type !== 0) return [type, Buffer.from(content)];
    if (form === "sized") return new Uint8Array(content).buffer;
    if (length === 1) return undefined;
    return length === 8 ? new Date(Number(content.readBigInt64BE())) : [type, Buffer.from(content)];
  }

  #size(form: number): number {
    const bytes = 1 << form;
    return this.#bytes.readUIntBE(this.#skip(bytes), bytes);
  }

  #byte(): number {
    return this.#bytes[this.#skip(1)] as number;
  }

  #slice(length: number): Buffer {
    const from = this.#skip(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** Where what is skipped begins. */
  #skip(length: number): number {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("the bytes end within a value");
    return from;
  }
}

/** Seconds in 4 bytes; nanoseconds in 30 bits and seconds in 34; or nanoseconds in 4 bytes and seconds in 8. */
function timestampOf(bytes: Buffer): Date {
  switch (bytes.length) {
    case 4:
      return new Date(bytes.readUInt32BE() * 1e3);
    case 8: {
      const high = bytes.readUInt32BE();
      return new Date(((high & 3) * 2 ** 32 + bytes.readUInt32BE(4)) * 1e3 + (high >>> 2) / 1e6);
    }
    case 12:
      return new Date(Number(bytes.readBigInt64BE(4)) * 1e3 + bytes.readUInt32BE() / 1e6);
    default:
      throw new RangeError(`a timestamp of ${bytes.length} bytes`);
  }
}

function defineField(fields: object, key: string, value: unknown): void {
  Object.defineProperty(fields, key, { value, configurable: true, enumerable: true, writable: true });
}
