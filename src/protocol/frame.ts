/**
 * The binary frames on a link between a worker and the switch. A frame is
 *
 *     u32 length of what follows | u8 kind | body
 *
 * with little-endian numbers and strings as `u32 length and flags | bytes`. The switch reads kinds, ids and addresses; what a
 * broadcast, command, request or response carries behind them (content.ts) is relayed as the bytes that came.
 */

export const FrameKind = {
  /** Either direction: JSON, see control.ts. */
  control: 1,
  /** Worker: `u32 sequence | u8 1 taken, 0 the handle was missing`; sent before the worker reads the connection. */
  taken: 2,
  /** Worker: `u32 n | n × u32 sequence`; connections that were taken have closed. */
  closed: 3,
  /** Worker: `text address | u8 1 a session was opened there that will bring more connections, 0 it has brought them`. */
  expected: 4,
  /** Worker: `namespace | rooms`; it now has a first member in each. */
  join: 10,
  /** Worker: `namespace | rooms`; the last member of each has left. */
  leave: 11,
  /** Worker: `namespace`; it now serves it. */
  open: 12,
  /** Worker: `namespace`; it no longer serves it and has no member in its rooms. */
  shut: 13,
  /** Worker: `namespace`; it has carried out a command for `Audience.joining`, and told the joins that came of it. */
  joined: 14,
  /** Worker: `count µs`; when it has said the command for `Audience.joining` that comes next, see machine-time.ts. */
  saidAt: 15,
  /** Both: `u32 packedBytes | address | content`; relayed to the workers that have a member of what is addressed. */
  broadcast: 20,
  /** Both: `u32 packedBytes | u8 audience | address | content`; relayed, not answered but for `joined`. */
  command: 21,
  /** Both: `u32 id | u32 packedBytes | u32 timeoutMs | u8 audience | address | content`; responses, then one `done`. */
  request: 22,
  /** Both: `u32 id | u8 last | u8 encoding | payload`; `last` says that this responder will send no more. */
  response: 23,
  /** Switch: `u32 id | u32 answered | u32 lost`; nobody will answer this request any more. */
  done: 24,
  /** Worker: `u32 id`; it no longer waits for this request. */
  cancel: 25,
  /** Worker: `u32 id | namespace`; answered by `done` whose `answered` is the number of other servers of it. */
  count: 26,
  /** Worker: `u32 id | namespace | rooms`; answered by `done` once what other hosts send to them comes here. */
  hear: 27,
  /** Switch: `u32 id`; nobody was asked, because too many requests of this link are under way. */
  refused: 28,
  /** Both: events that were emitted in one tick to one address, see run.ts; relayed as one broadcast. */
  run: 29,
} as const;

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/**
 * Who a command or request is for: those with a member of the rooms addressed, or all that serve the namespace.
 * `joining` is for members too, and says that they will join rooms: until a worker has told `joined`, it gets all that is
 * addressed to any room of the namespace, so that `io.socketsJoin("a"); io.to("a").emit(…)` reaches who it should.
 */
export const Audience = { members: 0, namespace: 1, joining: 2 } as const;
export type Audience = (typeof Audience)[keyof typeof Audience];

/** A room's name. Socket.IO's types say string, its users also pass numbers, and 1 is another room than "1". */
export type RoomName = string | number;

export interface Address {
  readonly namespace: string;
  /** Empty: everybody in the namespace. */
  readonly rooms: Iterable<RoomName>;
  readonly except: Iterable<RoomName>;
}

export interface DecodedAddress extends Address {
  readonly rooms: readonly RoomName[];
  readonly except: readonly RoomName[];
}

declare global {
  interface String {
    /** Of ES2024; Node has it from 20 on. */
    isWellFormed(): boolean;
  }
}

export const FRAME_HEAD_BYTES = 5;
/** A frame larger than this is a protocol error: the largest event that crosses workers. */
export const MAX_FRAME_BYTES = 128 * 1024 * 1024;

/** What came on a link is not of this protocol; the link is ended. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code = "HOLDFAST_PROTOCOL_ERROR";
}

/** In a text's length: what no UTF-8 can hold, a surrogate without its partner, is there, so the bytes are UTF-16. */
const UTF16_FLAG = 0x4000_0000;
/** In a room's length: the text is that of a number. */
const NUMBER_FLAG = 0x8000_0000;
/** Apps that do not check types also pass these as rooms; they mean the same in every process, as an object does not. */
const LITERAL_ROOMS = new Map<string, unknown>([
  ["undefined", undefined],
  ["null", null],
  ["true", true],
  ["false", false],
]);
const SLAB_BYTES = 64 * 1024;
/** Payloads from this size on are not copied into the batch but written beside it. */
const BORROW_BYTES = 16 * 1024;

/**
 * Encodes frames one behind the other, ready for one write. Small pieces are copied into a slab, large payloads are
 * borrowed: they must not change until the batch was written.
 */
export class FrameBatch {
  #slab = Buffer.allocUnsafe(SLAB_BYTES);
  /** What is in the slab from here up to `#at` has not been sealed. */
  #start = 0;
  #at = 0;
  #sealed: Uint8Array[] = [];
  #sealedBytes = 0;
  /** Where the length of the frame under way stands, which may be in an earlier slab, and the batch's size before it. */
  #head = this.#slab;
  #headAt = 0;
  #sizeAtHead = 0;

  get byteLength(): number {
    return this.#sealedBytes + this.#at - this.#start;
  }

  /** A kind of this file, or of recovery-frame.ts. */
  begin(kind: number): this {
    this.#reserve(FRAME_HEAD_BYTES);
    this.#sizeAtHead = this.byteLength;
    this.#head = this.#slab;
    this.#headAt = this.#at;
    this.#slab[this.#at + 4] = kind;
    this.#at += FRAME_HEAD_BYTES;
    return this;
  }

  end(): void {
    this.#head.writeUInt32LE(this.byteLength - this.#sizeAtHead - 4, this.#headAt);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#slab[this.#at++] = value;
    return this;
  }

  number(value: number): this {
    this.#reserve(4);
    this.#at = this.#slab.writeUInt32LE(value >>> 0, this.#at);
    return this;
  }

  /** A count that may pass 32 bits. */
  count(value: number): this {
    this.#reserve(8);
    this.#at = this.#slab.writeDoubleLE(value, this.#at);
    return this;
  }

  numbers(values: readonly number[]): this {
    this.number(values.length);
    for (const value of values) this.number(value);
    return this;
  }

  text(value: string): this {
    return this.#text(value, 0);
  }

  room(value: RoomName): this {
    return typeof value === "string" ? this.#text(value, 0) : this.#text(literalOf(value), NUMBER_FLAG);
  }

  rooms(values: Iterable<RoomName>): this {
    this.#reserve(4);
    const slab = this.#slab;
    const countAt = this.#at;
    this.#at += 4;
    let count = 0;
    for (const value of values) {
      this.room(value);
      count++;
    }
    slab.writeUInt32LE(count, countAt);
    return this;
  }

  address(address: Address): this {
    return this.text(address.namespace).rooms(address.rooms).rooms(address.except);
  }

  bytes(value: Uint8Array): this {
    if (value.byteLength >= BORROW_BYTES) {
      this.#seal();
      this.#push(value);
    } else {
      this.#reserve(value.byteLength);
      this.#slab.set(value, this.#at);
      this.#at += value.byteLength;
    }
    return this;
  }

  sizedBytes(value: Uint8Array): this {
    return this.number(value.byteLength).bytes(value);
  }

  /** As `text`, without reserving three times the size of a large one. */
  longText(value: string): this {
    return value.length < BORROW_BYTES ? this.text(value) : this.sizedBytes(Buffer.from(value, "utf8"));
  }

  /** The encoded frames, in order; the batch is empty afterwards. */
  take(): Uint8Array[] {
    this.#seal();
    const pieces = this.#sealed;
    this.#sealed = [];
    this.#sealedBytes = 0;
    return pieces;
  }

  #text(value: string, flag: number): this {
    if (!value.isWellFormed()) return this.#illFormedText(value);
    // Three bytes are the most that one UTF-16 unit takes, so the text need not be measured first.
    this.#reserve(4 + value.length * 3);
    const written = this.#slab.write(value, this.#at + 4, "utf8");
    this.#slab.writeUInt32LE(written + flag, this.#at);
    this.#at += 4 + written;
    return this;
  }

  #illFormedText(value: string): this {
    const bytes = Buffer.from(value, "utf16le");
    return this.number(bytes.length + UTF16_FLAG).bytes(bytes);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return;
    this.#seal();
    this.#slab = Buffer.allocUnsafe(Math.max(SLAB_BYTES, bytes));
    this.#start = 0;
    this.#at = 0;
  }

  #seal(): void {
    if (this.#at === this.#start) return;
    this.#push(this.#slab.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }

  #push(piece: Uint8Array): void {
    this.#sealed.push(piece);
    this.#sealedBytes += piece.byteLength;
  }
}

export function kindOf(frame: Buffer): number {
  return frame[4] as number;
}

/** Reads the body of one frame from front to back. Every read is checked: what is cut short throws ProtocolError. */
export class FrameReader {
  readonly #frame: Buffer;
  #at: number;

  constructor(frame: Buffer, at: number = FRAME_HEAD_BYTES) {
    this.#frame = frame;
    this.#at = at;
  }

  /** Where the next read begins. */
  get at(): number {
    return this.#at;
  }

  byte(): number {
    return this.#frame[this.#advance(1)] as number;
  }

  number(): number {
    return this.#frame.readUInt32LE(this.#advance(4));
  }

  count(): number {
    const value = this.#frame.readDoubleLE(this.#advance(8));
    if (!Number.isSafeInteger(value) || value < 0) throw new ProtocolError(`a count of ${value}`);
    return value;
  }

  numbers(): number[] {
    const count = this.number();
    if (count * 4 > this.#frame.length) throw new ProtocolError(`${count} numbers in ${this.#frame.length} bytes`);
    return Array.from({ length: count }, () => this.number());
  }

  text(): string {
    return this.#text(this.number());
  }

  room(): RoomName {
    const length = this.number();
    const text = this.#text(length % NUMBER_FLAG);
    return length >= NUMBER_FLAG ? fromLiteral(text) : text;
  }

  rooms(): RoomName[] {
    const count = this.number();
    // Each room takes at least its length, so a count beyond what the frame can hold is not believed.
    if (count * 4 > this.#frame.length) throw new ProtocolError(`${count} rooms in ${this.#frame.length} bytes`);
    const rooms: RoomName[] = [];
    for (let i = 0; i < count; i++) rooms.push(this.room());
    return rooms;
  }

  address(): DecodedAddress {
    return { namespace: this.text(), rooms: this.rooms(), except: this.rooms() };
  }

  sizedBytes(): Buffer {
    const length = this.number();
    const from = this.#advance(length);
    return this.#frame.subarray(from, from + length);
  }

  /** All that has not been read. */
  rest(): Buffer {
    const rest = this.#frame.subarray(this.#at);
    this.#at = this.#frame.length;
    return rest;
  }

  #text(length: number): string {
    const size = length % UTF16_FLAG;
    const from = this.#advance(size);
    return this.#frame.toString(length === size ? "utf8" : "utf16le", from, from + size);
  }

  #advance(bytes: number): number {
    const from = this.#at;
    if (from + bytes > this.#frame.length) throw new ProtocolError("a frame is cut short");
    this.#at = from + bytes;
    return from;
  }
}

/** Requests, responses, done and cancel carry their id first; the switch translates it between its links in place. */
export function replaceId(frame: Buffer, id: number): void {
  frame.writeUInt32LE(id, FRAME_HEAD_BYTES);
}

/** A room of another type is another value in every process, so nobody has joined it elsewhere. */
function literalOf(room: unknown): string {
  const known = typeof room === "number" || typeof room === "boolean" || room === undefined || room === null;
  return known ? String(room) : "NaN";
}

function fromLiteral(text: string): RoomName {
  return (LITERAL_ROOMS.has(text) ? LITERAL_ROOMS.get(text) : Number(text)) as RoomName;
}
