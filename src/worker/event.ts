/**
 * How an event travels between workers: as the pieces that Socket.IO's parser made of it at the sender, which encodes once
 * and for all. A receiving worker writes them to its clients as they are, and decodes them only when the app listens
 * (`socket.onAnyOutgoing`).
 */

import { BINARY_PART, TEXT_PART } from "../protocol/event-part.js";
import type { FrameBatch, FrameReader } from "../protocol/frame.js";
import { textFrameOf } from "../protocol/text-frame.js";

/** A piece of an event as Socket.IO's parser encodes it: text, or a binary attachment. */
export type EventPart = string | Uint8Array;

export interface Packet {
  readonly type: number;
  readonly data: unknown[];
  nsp?: string;
  id?: number;
}

export interface Encoder {
  encode(packet: Packet): unknown[];
}

/** What a parser of Socket.IO's form has to decode with. */
export interface DecoderLike {
  on(event: "decoded", listener: (packet: Packet) => void): void;
  add(part: unknown): void;
}

type DecoderClass = new (options?: typeof ANY_SIZE) => DecoderLike;

/** The parser's limit is for clients; what another worker encoded is to be read whatever its size. */
const ANY_SIZE = { maxAttachments: Number.POSITIVE_INFINITY };
const PARTS = Symbol("parts");
const FRAME = Symbol("frame");
/** Socket.IO's packet type. */
export const EVENT = 2;

/** What decodes events as the server's parser has encoded them. */
export function createDecoderOf(server: unknown): () => DecoderLike {
  const { _parser: parser } = server as { _parser: { Decoder: DecoderClass } };
  return () => new parser.Decoder(ANY_SIZE);
}

/** Encodes as `real` does, except that a packet whose parts are known already is not encoded again. */
export class OnceEncoder implements Encoder {
  readonly #real: Encoder;

  constructor(real: Encoder) {
    this.#real = real;
  }

  encode(packet: Packet): unknown[] {
    return (packet as { [PARTS]?: unknown[] })[PARTS] ?? this.#real.encode(packet);
  }

  /** Encodes now, and has `encode` answer the same for this packet. */
  encodeOnce(packet: Packet): unknown[] {
    const parts = this.#real.encode(packet);
    (packet as { [PARTS]?: unknown[] })[PARTS] = parts;
    return parts;
  }
}

/**
 * An event that is one piece of text, as text-frame.ts has it; undefined where it is not. Made once for a packet whose
 * parts are known: others may be encoded again, and differently.
 */
export function frameOf(packet: Packet, encoded: readonly unknown[]): Buffer | undefined {
  const [text] = encoded;
  if (encoded.length !== 1 || typeof text !== "string") return undefined;
  const known = packet as { [PARTS]?: readonly unknown[]; [FRAME]?: Buffer };
  if (known[PARTS] !== encoded) return textFrameOf(text);
  known[FRAME] ??= textFrameOf(text);
  return known[FRAME];
}

/** An event of another worker. `data` is decoded when somebody asks for it. */
export class RemoteEvent implements Packet {
  readonly type = EVENT;
  readonly [PARTS]: readonly EventPart[];
  readonly #createDecoder: () => DecoderLike;
  #data: unknown[] | undefined;

  constructor(parts: readonly EventPart[], createDecoder: () => DecoderLike) {
    this[PARTS] = parts;
    this.#createDecoder = createDecoder;
  }

  get data(): unknown[] {
    this.#data ??= this.#decode();
    return this.#data;
  }

  #decode(): unknown[] {
    const decoder = this.#createDecoder();
    let data: unknown[] = [];
    decoder.on("decoded", (packet) => {
      data = packet.data;
    });
    try {
      for (const part of this[PARTS]) decoder.add(part);
    } catch {
      // An app's own parser may read only what clients send. Its listeners then see an event without a name.
    }
    return data;
  }
}

/** An event of which the parts are not known. */
export function createPacket(data: unknown[]): Packet {
  return { type: EVENT, data };
}

/** As frames carry them. A binary part is copied: the app may reuse its memory before the link is written. */
export function toEventParts(encoded: readonly unknown[]): EventPart[] {
  return encoded.map((part) => (typeof part === "string" ? part : copyOf(part as ArrayBuffer | ArrayBufferView)));
}

export function sizeOfParts(parts: readonly EventPart[]): number {
  return parts.reduce((sum, part) => sum + (typeof part === "string" ? Buffer.byteLength(part) : part.byteLength), 0);
}

export function writeEventParts(frame: FrameBatch, parts: readonly EventPart[]): void {
  frame.number(parts.length);
  for (const part of parts) {
    if (typeof part === "string") frame.byte(TEXT_PART).longText(part);
    else frame.byte(BINARY_PART).sizedBytes(part);
  }
}

export function readEventParts(read: FrameReader): EventPart[] {
  const parts: EventPart[] = [];
  for (let count = read.number(); count > 0; count--) {
    parts.push(read.byte() === TEXT_PART ? read.text() : Buffer.from(read.sizedBytes()));
  }
  return parts;
}

function copyOf(binary: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(binary)
    ? Buffer.from(Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength))
    : Buffer.from(Buffer.from(binary));
}
