/**
 * How values cross Redis: packed in msgpack as notepack.io reads it, with the meaning that a client would have decoded,
 * that is, JSON's, and binary values as such. Runs in workers only; unpacker.ts reads.
 */
import { writeText } from "../protocol/wtf8.js";
import { EncodeError } from "./codec.js";

/** What is nested deeper, with the envelope around it, would be dropped by who reads it (see the primary's outline.ts). */
const MAX_DEPTH = 490;
const FIRST_BYTES = 16 * 1024;
/** A buffer that has grown beyond is not kept. */
const KEPT_BYTES = 1024 * 1024;
/** Texts up to this length are written by a loop, which beats a call of Node's. */
const SHORT_CHARS = 31;
const HEAD_BYTES = 5;
const NUMBER_BYTES = 9;

/** One value is packed at a time; `toJSON` of an app may pack another meanwhile, and finds none. */
let spare: Buffer | undefined = Buffer.allocUnsafe(FIRST_BYTES);

/** Throws EncodeError (see codec.ts) on what has no encoding: too deep, a circle, a bigint; or what its `toJSON` throws. */
export function pack(value: unknown): Buffer {
  const packer = new Packer(spare ?? Buffer.allocUnsafe(FIRST_BYTES));
  spare = undefined;
  try {
    packer.value(toPlain(value, ""), 0);
    return packer.copy();
  } catch (error) {
    if (error instanceof EncodeError) throw error;
    throw new EncodeError(`a value cannot be sent to other hosts: ${(error as Error).message}`, { cause: error });
  } finally {
    spare = packer.spare;
  }
}

/** As `pack`; empty where it has no encoding: only Holdfast's own hosts get that, as it is. */
export function packArguments(args: unknown[]): Buffer {
  try {
    return pack(args);
  } catch {
    return pack([]);
  }
}

/** What `JSON.stringify` would write of a value; binary ones stay. Undefined says that it leaves the value out. */
function toPlain(value: unknown, key: string | number): unknown {
  switch (typeof value) {
    case "object":
      return value === null || isBinary(value) ? value : unboxed(resultOfToJson(value, key));
    case "function":
    case "bigint":
      return unboxed(resultOfToJson(value, key));
    case "symbol":
      return undefined;
    default:
      return value;
  }
}

function resultOfToJson(value: object | bigint, key: string | number): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? toJSON.call(value, String(key)) : value;
}

function unboxed(value: unknown): unknown {
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null || isOrdinary(value)) return value;
  return value instanceof Number || value instanceof String || value instanceof Boolean ? value.valueOf() : value;
}

function isBinary(value: object): value is ArrayBuffer | ArrayBufferView {
  return !isOrdinary(value) && (ArrayBuffer.isView(value) || value instanceof ArrayBuffer);
}

/** The quick answer for what most values are. */
function isOrdinary(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}

class Packer {
  #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  get spare(): Buffer | undefined {
    return this.#bytes.length <= KEPT_BYTES ? this.#bytes : undefined;
  }

  /** Of a plain value. */
  value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return this.#number(value);
      case "boolean":
        return this.#byte(value ? 0xc3 : 0xc2);
      case "object":
        return value === null ? this.#byte(0xc0) : this.#object(value, depth);
      case "undefined":
        return this.#byte(0xc0);
      default:
        throw new EncodeError(`a value cannot be sent to other hosts: it is a ${typeof value}`);
    }
  }

  #object(value: object, depth: number): void {
    if (depth === MAX_DEPTH) {
      throw new EncodeError(
        `a value cannot be sent to other hosts: it is nested deeper than ${MAX_DEPTH}, or a circle`,
      );
    }
    if (Array.isArray(value)) this.#array(value, depth + 1);
    else if (isBinary(value)) this.#binary(value);
    else this.#map(value as Record<string, unknown>, depth + 1);
  }

  #array(items: readonly unknown[], depth: number): void {
    const { length } = items;
    this.#head(length, 0x90, 0xdc);
    for (let i = 0; i < length; i++) this.value(toPlain(items[i], i), depth);
  }

  #map(value: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(value);
    const headAt = this.#at;
    this.#head(keys.length, 0x80, 0xde);
    let left = keys.length;
    for (const key of keys) {
      const plain = toPlain(value[key], key);
      if (plain === undefined) {
        left--;
        continue;
      }
      this.#text(key);
      this.value(plain, depth);
    }
    if (left < keys.length) this.#rewriteMapHead(headAt, left);
  }

  #binary(value: ArrayBuffer | ArrayBufferView): void {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    this.#reserve(HEAD_BYTES + bytes.length);
    this.#bytes[this.#at] = 0xc6;
    this.#bytes.writeUInt32BE(bytes.length, this.#at + 1);
    this.#bytes.set(bytes, this.#at + HEAD_BYTES);
    this.#at += HEAD_BYTES + bytes.length;
  }

  /** What has no place in 32 bits is a double, which holds it exactly as JavaScript does. */
  #number(value: number): void {
    this.#reserve(NUMBER_BYTES);
    const bytes = this.#bytes;
    if (value >>> 0 === value) {
      if (value < 0x80) bytes[this.#at++] = value;
      else {
        bytes[this.#at] = 0xce;
        this.#at = bytes.writeUInt32BE(value, this.#at + 1);
      }
    } else if (value >> 0 === value) {
      bytes[this.#at] = 0xd2;
      this.#at = bytes.writeInt32BE(value, this.#at + 1);
    } else if (Number.isFinite(value)) {
      bytes[this.#at] = 0xcb;
      this.#at = bytes.writeDoubleBE(value, this.#at + 1);
    } else bytes[this.#at++] = 0xc0;
  }

  #text(text: string): void {
    if (text.length > SHORT_CHARS || !this.#shortText(text)) this.#anyText(text);
  }

  /** ASCII alone. */
  #shortText(text: string): boolean {
    const { length } = text;
    this.#reserve(1 + length);
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = 0xa0 | length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return false;
      bytes[at + 1 + i] = code;
    }
    this.#at = at + 1 + length;
    return true;
  }

  /** Three bytes are the most that one UTF-16 unit takes, so a text that could be short need not be measured. */
  #anyText(text: string): void {
    const most = text.length * 3;
    const wide = most > 0xffff;
    const head = wide ? 5 : 3;
    this.#reserve(head + (wide ? Buffer.byteLength(text) : most));
    const written = writeText(text, this.#bytes, this.#at + head);
    this.#bytes[this.#at] = wide ? 0xdb : 0xda;
    if (wide) this.#bytes.writeUInt32BE(written, this.#at + 1);
    else this.#bytes.writeUInt16BE(written, this.#at + 1);
    this.#at += head + written;
  }

  #head(length: number, short: number, wide: number): void {
    this.#reserve(HEAD_BYTES);
    if (length < 0x10) this.#bytes[this.#at++] = short | length;
    else if (length <= 0xffff) {
      this.#bytes[this.#at] = wide;
      this.#at = this.#bytes.writeUInt16BE(length, this.#at + 1);
    } else {
      this.#bytes[this.#at] = wide + 1;
      this.#at = this.#bytes.writeUInt32BE(length, this.#at + 1);
    }
  }

  /** In the form that the larger number had: a reader takes any. */
  #rewriteMapHead(at: number, length: number): void {
    const first = this.#bytes[at] as number;
    if (first < 0xde) this.#bytes[at] = 0x80 | length;
    else if (first === 0xde) this.#bytes.writeUInt16BE(length, at + 1);
    else this.#bytes.writeUInt32BE(length, at + 1);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  #reserve(bytes: number): void {
    const wanted = this.#at + bytes;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(wanted * 2);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
