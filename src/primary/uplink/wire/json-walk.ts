/** Walks over JSON as `JSON.parse` reads it. Makes nothing of a value that was not asked for. */
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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

const LITERALS = new Map<number, Buffer>(
  ["true", "false", "null"].map((text) => [text.charCodeAt(0), Buffer.from(text)]),
);
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

/** What closes each container that is open. One walk runs at a time and none is left half way. */
const closers = new Uint8Array(MAX_DEPTH + 1);

export class JsonWalk implements Walk {
  readonly encoding = "json";
  readonly bytes: Buffer;
  #at = 0;
  #containers = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  outline(shape: Shape): Outline {
    this.#at = 0;
    const outline = this.#value(shape, 0);
    return this.#next() === undefined ? outline : refuse("malformed");
  }

  items(array: Outline, limit: number): Outline[] {
    this.#at = array.from + 1;
    const items: Outline[] = [];
    if (this.#takes(CLOSE_ARRAY)) return items;
    do {
      if (items.length === limit) refuse("wrong-shape");
      items.push(this.#value(undefined, 0));
    } while (this.#takes(COMMA));
    return items;
  }

  text({ from, to }: Outline): string {
    const text = this.bytes.toString("utf8", from + 1, to - 1);
    return text.includes("\\") ? JSON.parse(`"${text}"`) : text;
  }

  number({ from, to }: Outline): number {
    return Number(this.bytes.toString("latin1", from, to));
  }

  boolean({ from }: Outline): boolean {
    return this.bytes[from] === 0x74;
  }

  blob(): Buffer {
    return refuse("wrong-shape");
  }

  #value(shape: Shape | undefined, depth: number): Outline {
    const kind = kindOf(this.#next());
    const from = this.#at;
    const fields = this.#fields(kind, shape, depth);
    if (!fields) this.#skip(depth);
    return new Outline(kind, from, this.#at, fields);
  }

  #fields(kind: ValueKind, shape: Shape | undefined, depth: number): Map<string, Outline> | undefined {
    if (!looksInto(shape, kind)) return undefined;
    const fields = new Map<string, Outline>();
    const closer = kind === "map" ? CLOSE_MAP : CLOSE_ARRAY;
    this.#at++;
    if (this.#takes(closer)) return fields;
    do {
      const name = kind === "map" ? this.text(this.#key()) : String(fields.size);
      fields.set(name, this.#value(within(shape, name), depth + 1));
      if (fields.size > MAX_FIELDS) refuse("wrong-shape");
    } while (this.#takes(COMMA));
    this.#expect(closer);
    return fields;
  }

  #skip(depth: number): void {
    let level = 0;
    do {
      if (this.#opens()) {
        if (++level + depth > MAX_DEPTH) refuse("too-deep");
        closers[level] = this.bytes[this.#at - 1] === OPEN_MAP ? CLOSE_MAP : CLOSE_ARRAY;
        if (this.#takes(closers[level] as number)) level--;
        else {
          if (closers[level] === CLOSE_MAP) this.#key();
          continue;
        }
      }
      while (level > 0 && !this.#takes(COMMA)) this.#expect(closers[level--] as number);
      if (level > 0 && closers[level] === CLOSE_MAP) this.#key();
    } while (level > 0);
  }

  /** Goes past a scalar, or past the first byte of a container, and then says true. */
  #opens(): boolean {
    const first = this.#next();
    if (first === OPEN_MAP || first === OPEN_ARRAY) {
      if (++this.#containers > MAX_CONTAINERS) refuse("too-large");
      this.#at++;
      return true;
    }
    if (first === QUOTE) this.#string();
    else if (first === MINUS || isDigit(first)) this.#number();
    else this.#literal(first);
    return false;
  }

  /** A name and its colon. */
  #key(): Outline {
    if (this.#next() !== QUOTE) refuse("malformed");
    const from = this.#at;
    this.#string();
    const to = this.#at;
    this.#expect(COLON);
    return new Outline("text", from, to);
  }

  #string(): void {
    const { bytes } = this;
    for (let at = this.#at + 1; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return;
      }
      if (byte < 0x20) break;
      if (byte === BACKSLASH) at = this.#escape(at + 1);
    }
    refuse("malformed");
  }

  /** Where the escape ends. */
  #escape(at: number): number {
    const { bytes } = this;
    if (ESCAPES.has(bytes[at] as number)) return at;
    if (bytes[at] !== 0x75 || !/^[\da-f]{4}$/i.test(bytes.toString("latin1", at + 1, at + 5))) {
      refuse("malformed");
    }
    return at + 4;
  }

  #number(): void {
    if (this.bytes[this.#at] === MINUS) this.#at++;
    if (this.bytes[this.#at] === ZERO) this.#at++;
    else this.#digits();
    if (this.bytes[this.#at] === 0x2e) {
      this.#at++;
      this.#digits();
    }
    if (((this.bytes[this.#at] ?? 0) | 0x20) !== 0x65) return;
    const sign = this.bytes[++this.#at];
    if (sign === MINUS || sign === 0x2b) this.#at++;
    this.#digits();
  }

  #digits(): void {
    if (!isDigit(this.bytes[this.#at])) refuse("malformed");
    while (isDigit(this.bytes[this.#at])) this.#at++;
  }

  #literal(first: number | undefined): void {
    const literal = LITERALS.get(first ?? 0);
    const end = this.#at + (literal?.length ?? 0);
    if (!literal || end > this.bytes.length || literal.compare(this.bytes, this.#at, end) !== 0) refuse("malformed");
    this.#at = end;
  }

  #takes(byte: number): boolean {
    if (this.#next() !== byte) return false;
    this.#at++;
    return true;
  }

  #expect(byte: number): void {
    if (!this.#takes(byte)) refuse("malformed");
  }

  /** The next byte that is no white space, which stays unread. */
  #next(): number | undefined {
    const { bytes } = this;
    let byte = bytes[this.#at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++this.#at];
    return byte;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}

function kindOf(first: number | undefined): ValueKind {
  switch (first) {
    case OPEN_MAP:
      return "map";
    case OPEN_ARRAY:
      return "array";
    case QUOTE:
      return "text";
    case 0x74:
    case 0x66:
      return "boolean";
    case 0x6e:
      return "nil";
    default:
      return "number";
  }
}
