/** Walks over msgpack as notepack.io writes and reads it. Makes nothing of a value that was not asked for. */
import { readText } from "../../../protocol/wtf8.js";
import {
  looksInto,
  MAX_CONTAINERS,
  MAX_DEPTH,
  MAX_FIELDS,
  Outline,
  type Shape,
  type ValueKind,
  type Walk,
  within,
} from "./outline.js";
import { refuse } from "./refusal.js";

/** How many values are still due in each container that is open. One walk runs at a time and none is left half way. */
const due = new Uint32Array(MAX_DEPTH + 1);

/** An extension of one byte; of type 0, it is how notepack.io once wrote `undefined`. */
const FIXED_EXTENSION_1 = 0xd4;

export class MsgpackWalk implements Walk {
  readonly encoding = "msgpack";
  readonly bytes: Buffer;
  #at = 0;
  #containers = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  outline(shape: Shape): Outline {
    this.#at = 0;
    const outline = this.#value(shape, 0);
    return outline.to === this.bytes.length ? outline : refuse("malformed");
  }

  items(array: Outline, limit: number): Outline[] {
    this.#at = array.from;
    const count = this.#head();
    if (count > limit) refuse("wrong-shape");
    const items: Outline[] = [];
    for (let i = 0; i < count; i++) items.push(this.#value(undefined, 0));
    return items;
  }

  text({ from, to }: Outline): string {
    return readText(this.bytes, from + headBytes(this.bytes[from] as number), to);
  }

  blob({ from, to }: Outline): Buffer {
    return this.bytes.subarray(from + headBytes(this.bytes[from] as number), to);
  }

  boolean({ from }: Outline): boolean {
    return this.bytes[from] === 0xc3;
  }

  number({ from }: Outline): number {
    const { bytes } = this;
    const first = bytes[from] as number;
    const at = from + 1;
    if (first < 0x80) return first;
    if (first >= 0xe0) return first - 0x100;
    switch (first) {
      case 0xca:
        return bytes.readFloatBE(at);
      case 0xcb:
        return bytes.readDoubleBE(at);
      case 0xcc:
        return bytes.readUInt8(at);
      case 0xcd:
        return bytes.readUInt16BE(at);
      case 0xce:
        return bytes.readUInt32BE(at);
      case 0xcf:
        return Number(bytes.readBigUInt64BE(at));
      case 0xd0:
        return bytes.readInt8(at);
      case 0xd1:
        return bytes.readInt16BE(at);
      case 0xd2:
        return bytes.readInt32BE(at);
      case 0xd3:
        return Number(bytes.readBigInt64BE(at));
      default:
        return refuse("wrong-shape");
    }
  }

  #value(shape: Shape | undefined, depth: number): Outline {
    const from = this.#at;
    const kind = kindOf(this.bytes[from], this.bytes[from + 1]);
    const fields = this.#fields(kind, shape, depth);
    if (!fields) this.#skip(depth);
    return new Outline(kind, from, this.#at, fields);
  }

  #fields(kind: ValueKind, shape: Shape | undefined, depth: number): Map<string, Outline> | undefined {
    if (!looksInto(shape, kind)) return undefined;
    const fields = new Map<string, Outline>();
    const values = this.#head();
    if (values > 2 * MAX_FIELDS) refuse("wrong-shape");
    for (let i = 0; i < values; i += kind === "map" ? 2 : 1) {
      const name = kind === "map" ? this.#name() : (INDICES[i] ?? String(i));
      fields.set(name, this.#value(within(shape, name), depth + 1));
    }
    return fields;
  }

  #name(): string {
    const known = knownName(this.bytes, this.#at);
    if (known !== undefined) {
      this.#at += 1 + known.length;
      return known;
    }
    const key = this.#value(undefined, 0);
    return key.kind === "text" ? this.text(key) : refuse("wrong-shape");
  }

  #skip(depth: number): void {
    let level = 0;
    due[0] = 1;
    for (;;) {
      const values = this.#head();
      if (values > 0) {
        if (++level + depth > MAX_DEPTH) refuse("too-deep");
        due[level] = values;
        continue;
      }
      while (--(due[level] as number) === 0) if (--level < 0) return;
    }
  }

  /** Goes past a scalar, or past the head of a container, and says how many values that holds; a map's keys count. */
  #head(): number {
    const first = this.bytes[this.#at++];
    if (first === undefined) return refuse("malformed");
    if (first < 0x80 || first >= 0xe0) return 0;
    if (first < 0x90) return this.#container((first & 0x0f) * 2);
    if (first < 0xa0) return this.#container(first & 0x0f);
    if (first < 0xc0) return this.#scalar(first & 0x1f);
    switch (first) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return 0;
      case 0xcc:
      case 0xd0:
        return this.#scalar(1);
      case 0xcd:
      case 0xd1:
      case 0xd4:
        return this.#scalar(2);
      case 0xd5:
        return this.#scalar(3);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.#scalar(4);
      case 0xd6:
        return this.#scalar(5);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.#scalar(8);
      case 0xd7:
        return this.#scalar(9);
      case 0xd8:
        return this.#scalar(17);
      case 0xc4:
      case 0xd9:
        return this.#scalar(this.#length(1));
      case 0xc5:
      case 0xda:
        return this.#scalar(this.#length(2));
      case 0xc6:
      case 0xdb:
        return this.#scalar(this.#length(4));
      case 0xc7:
        return this.#scalar(this.#length(1) + 1);
      case 0xc8:
        return this.#scalar(this.#length(2) + 1);
      case 0xc9:
        return this.#scalar(this.#length(4) + 1);
      case 0xdc:
        return this.#container(this.#length(2));
      case 0xdd:
        return this.#container(this.#length(4));
      case 0xde:
        return this.#container(this.#length(2) * 2);
      case 0xdf:
        return this.#container(this.#length(4) * 2);
      default:
        return refuse("malformed");
    }
  }

  #scalar(bytes: number): 0 {
    this.#at += bytes;
    return this.#at > this.bytes.length ? refuse("malformed") : 0;
  }

  /** Each value takes a byte at least, so a count beyond the bytes that are left is not believed. */
  #container(values: number): number {
    if (++this.#containers > MAX_CONTAINERS) refuse("too-large");
    return values > this.bytes.length - this.#at ? refuse("malformed") : values;
  }

  #length(bytes: 1 | 2 | 4): number {
    const at = this.#at;
    this.#at += bytes;
    return this.#at > this.bytes.length ? refuse("malformed") : this.bytes.readUIntBE(at, bytes);
  }
}

/** The fields of a broadcast: a text made for each would take more time than the rest of the walk. */
const KNOWN_NAMES = ["nsp", "uid", "type", "data", "opts", "rooms", "flags", "except", "packet"];
const NAMES_BY_LENGTH = new Map(KNOWN_NAMES.map(({ length }) => [length, KNOWN_NAMES.filter(isOfLength(length))]));
const INDICES = ["0", "1", "2", "3"];

function isOfLength(length: number): (name: string) => boolean {
  return (name) => name.length === length;
}

/** The name that begins here, when it is one of those. */
function knownName(bytes: Buffer, at: number): string | undefined {
  const length = (bytes[at] as number) - 0xa0;
  return NAMES_BY_LENGTH.get(length)?.find((name) => isThere(name, bytes, at + 1));
}

function isThere(name: string, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name.charCodeAt(i)) return false;
  return true;
}

function kindOf(first: number | undefined, second: number | undefined): ValueKind {
  if (first === undefined) return refuse("malformed");
  if (first < 0x80 || first >= 0xe0) return "number";
  if (first < 0x90 || first === 0xde || first === 0xdf) return "map";
  if (first < 0xa0 || first === 0xdc || first === 0xdd) return "array";
  if (first < 0xc0 || (first >= 0xd9 && first <= 0xdb)) return "text";
  if (first === 0xc0 || (first === FIXED_EXTENSION_1 && second === 0)) return "nil";
  if (first === 0xc2 || first === 0xc3) return "boolean";
  if (first >= 0xc4 && first <= 0xc6) return "bytes";
  return (first >= 0xca && first <= 0xcf) || (first >= 0xd0 && first <= 0xd3) ? "number" : "other";
}

/** Of texts and binary values. */
function headBytes(first: number): number {
  if (first < 0xc0) return 1;
  if (first === 0xc4 || first === 0xd9) return 2;
  return first === 0xc5 || first === 0xda ? 3 : 5;
}
