/**
 * Where the fields of a message stand in its bytes. A walk goes over the whole message once, checks that it is well-formed,
 * and makes nothing of the values but their places: what is opaque stays so, and a message claims no memory.
 */
import type { RoomName } from "../../../protocol/frame.js";
import type { Packed, PackedEncoding } from "../../../protocol/packed.js";
import { refuse } from "./refusal.js";

export type ValueKind = "map" | "array" | "text" | "number" | "boolean" | "nil" | "bytes" | "other";

/** The maps and arrays to look into; of an array the fields are named by index. */
export interface Shape {
  readonly [field: string]: Shape;
}

export interface Outline {
  readonly kind: ValueKind;
  readonly from: number;
  readonly to: number;
  /** Of a map or array that the shape names. The last of fields with one name counts, as for every decoder. */
  readonly fields?: ReadonlyMap<string, Outline>;
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
}

/** Deeper is dropped: whoever decodes it may do so by recursion. */
export const MAX_DEPTH = 500;
const MAX_ID_CHARS = 64;
const MAX_ROOMS = 250_000;
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

  /** None when the field is missing. */
  rooms(name: string): RoomName[] {
    if (!this.has(name)) return [];
    return this.#walk.items(this.#get(name, "array"), MAX_ROOMS).map((item) => this.#room(item));
  }

  room(name: string): RoomName {
    return this.#room(this.#find(name) ?? refuse("wrong-shape"));
  }

  packed(name: string): Packed | undefined {
    const outline = this.#outline.fields?.get(name);
    return outline && this.#pack(outline);
  }

  packedArray(name: string): Packed {
    return this.#pack(this.#get(name, "array"));
  }

  bytes(name: string): Buffer | undefined {
    const outline = this.#find(name);
    return outline?.kind === "bytes" ? this.#walk.bytes.subarray(outline.from, outline.to) : undefined;
  }

  *entries(): Iterable<[string, Fields]> {
    for (const name of this.#outline.fields?.keys() ?? []) yield [name, this];
  }

  #pack({ from, to }: Outline): Packed {
    return { encoding: this.#walk.encoding, bytes: this.#walk.bytes.subarray(from, to) };
  }

  /** Apps that do not check types also join `null` and the like; frame.ts knows them. */
  #room(item: Outline): RoomName {
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
