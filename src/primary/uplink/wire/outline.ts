/**
 * Where the fields of a message stand in its bytes. A walk goes over the whole message once, checks that it is well-formed,
 * and makes nothing of the values but their places: what is opaque stays so, and a message claims no memory.
 */
import type { RoomName } from "../../../protocol/frame.js";
import type { Packed, PackedEncoding } from "../../../protocol/packed.js";
import { refuse } from "./refusal.js";

export type ValueKind = "map" | "array" | "text" | "number" | "boolean" | "nil" | "bytes" | "other";

/** The maps to look into, and the arrays: where a shape names "0", of which the fields are named by index. */
export interface Shape {
  readonly [field: string]: Shape;
}

export function looksInto(shape: Shape | undefined, kind: ValueKind): shape is Shape {
  return shape !== undefined && kind === (Object.hasOwn(shape, "0") ? "array" : "map");
}

export function within(shape: Shape, field: string): Shape | undefined {
  return Object.hasOwn(shape, field) ? shape[field] : undefined;
}

export class Outline {
  readonly kind: ValueKind;
  readonly from: number;
  readonly to: number;
  /** Of a map or array that the shape names. The last of fields with one name counts, as for every decoder. */
  readonly fields: ReadonlyMap<string, Outline> | undefined;

  constructor(kind: ValueKind, from: number, to: number, fields?: ReadonlyMap<string, Outline>) {
    this.kind = kind;
    this.from = from;
    this.to = to;
    this.fields = fields;
  }
}

/** One encoding's way over a message. All methods throw Refusal. */
export interface Walk {
  readonly encoding: PackedEncoding;
  readonly bytes: Buffer;
  /** Of the whole message. */
  outline(shape: Shape): Outline;
  /** Of the items of an array that has been outlined. */
  items(array: Outline, limit: number): Outline[];
  text(outline: Outline): string;
  number(outline: Outline): number;
  boolean(outline: Outline): boolean;
  /** The content of a binary value. */
  blob(outline: Outline): Buffer;
}

/** Deeper is dropped: whoever decodes it may do so by recursion. */
export const MAX_DEPTH = 500;
/** More maps and arrays take more memory in who decodes them than their bytes: an empty one is one byte, and 16 to 56. */
export const MAX_CONTAINERS = 1_000_000;
/** Of what is looked into. Each takes memory, and no sender has as many. */
export const MAX_FIELDS = 64;
const MAX_ID_CHARS = 64;
const MAX_ITEMS = 250_000;
/** Four bytes are the most that a character takes, six in JSON for each of its two halves. */
const BYTES_PER_CHAR = 12;

/** The fields of one map or array of a message, read strictly: what is not of the kind asked for is refused. */
export class Fields {
  readonly #walk: Walk;
  readonly #outline: Outline;

  constructor(walk: Walk, outline: Outline) {
    if (!outline.fields) refuse("wrong-shape");
    this.#walk = walk;
    this.#outline = outline;
  }

  get isEmpty(): boolean {
    return this.#outline.fields?.size === 0;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The fields of a map within. */
  map(name: string): Fields {
    return new Fields(this.#walk, this.#get(name, "map"));
  }

  optionalMap(name: string): Fields | undefined {
    return this.has(name) ? this.map(name) : undefined;
  }

  /** As `optionalMap`; to emitters of PHP, an empty map is an empty array. */
  mapOrArray(name: string): Fields | undefined {
    return this.#find(name)?.kind === "array" ? undefined : this.optionalMap(name);
  }

  /** A uid or request id. */
  id(name: string): string {
    const outline = this.#get(name, "text");
    if (outline.to - outline.from > MAX_ID_CHARS * BYTES_PER_CHAR) refuse("wrong-shape");
    const text = this.#walk.text(outline);
    if (text.length > MAX_ID_CHARS) refuse("wrong-shape");
    return text;
  }

  optionalId(name: string): string | undefined {
    return this.has(name) ? this.id(name) : undefined;
  }

  text(name: string): string {
    return this.#walk.text(this.#get(name, "text"));
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  number(name: string): number {
    return this.#walk.number(this.#get(name, "number"));
  }

  count(name: string): number {
    const value = this.number(name);
    return Number.isSafeInteger(value) && value >= 0 ? value : refuse("wrong-shape");
  }

  boolean(name: string): boolean {
    return this.#walk.boolean(this.#get(name, "boolean"));
  }

  /** What is no boolean says nothing, as in flags of other libraries. */
  flag(name: string): boolean | undefined {
    return this.#find(name)?.kind === "boolean" ? this.boolean(name) : undefined;
  }

  /** Likewise. */
  amount(name: string): number | undefined {
    const value = this.#find(name)?.kind === "number" ? this.number(name) : -1;
    return value >= 0 ? value : undefined;
  }

  /** Texts and numbers, as rooms are; none when the field is missing. */
  list(name: string): RoomName[] {
    if (!this.has(name)) return [];
    return this.#walk.items(this.#get(name, "array"), MAX_ITEMS).map((item) => this.#item(item));
  }

  /** One such. */
  item(name: string): RoomName {
    return this.#item(this.#find(name) ?? refuse("wrong-shape"));
  }

  packed(name: string): Packed | undefined {
    const outline = this.#outline.fields?.get(name);
    return outline && this.#pack(outline);
  }

  packedArray(name: string): Packed {
    return this.#pack(this.#get(name, "array"));
  }

  /** A binary value at the very end of the message. */
  trailer(name: string): Buffer | undefined {
    const outline = this.#find(name);
    if (outline?.kind !== "bytes") return undefined;
    return outline.to === this.#walk.bytes.length ? this.#walk.blob(outline) : refuse("wrong-shape");
  }

  #pack({ from, to }: Outline): Packed {
    return { encoding: this.#walk.encoding, bytes: this.#walk.bytes.subarray(from, to) };
  }

  /** Apps that do not check types also join `null` and the like; frame.ts knows them. */
  #item(item: Outline): RoomName {
    switch (item.kind) {
      case "text":
        return this.#walk.text(item);
      case "number":
        return this.#walk.number(item);
      case "boolean":
        return this.#walk.boolean(item) as unknown as RoomName;
      case "nil":
        return null as unknown as RoomName;
      default:
        return refuse("wrong-shape");
    }
  }

  #get(name: string, kind: ValueKind): Outline {
    const outline = this.#find(name);
    return outline?.kind === kind ? outline : refuse("wrong-shape");
  }

  /** A field that is nil is not there. */
  #find(name: string): Outline | undefined {
    const outline = this.#outline.fields?.get(name);
    return outline?.kind === "nil" ? undefined : outline;
  }
}
