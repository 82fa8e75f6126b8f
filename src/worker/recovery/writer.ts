/**
 * Writes events to the clients of one namespace, with the cursor behind their arguments for those whose sessions are kept.
 * Runs in workers. Encodes as the app's parser does; only Socket.IO's own text can be added to without doing so again.
 */
import type { Namespace } from "socket.io";
import type { Adapter, BroadcastOptions } from "socket.io-adapter";
import type { Position } from "../../protocol/cursor.js";
import { Encoding, packFlags, unpackFlags } from "../../protocol/content.js";
import { FrameReader } from "../../protocol/frame.js";
import { type Heard, readEvent } from "../content.js";
import {
  createDecoderOf,
  type DecoderLike,
  type EventPart,
  type OnceEncoder,
  type Packet,
  RemoteEvent,
  readEventParts,
  toEventParts,
} from "../event.js";
import { KEPT, type KeepableSocket } from "./kept.js";
import { markText } from "./marked.js";
import type { SessionBook } from "./session-book.js";

/** An event in the form in which it is written to clients. */
interface Written {
  readonly parts: readonly unknown[];
  readonly options: object;
}

/** What is used of Socket.IO's adapter beside its types. */
interface AdapterInside {
  readonly encoder: OnceEncoder;
  _encode(packet: Packet, options: object): unknown[];
  apply(options: BroadcastOptions, visit: (socket: KeepableSocket) => void): void;
}

const EVENT = 2;

export class Writer {
  readonly #adapter: AdapterInside;
  readonly #namespace: Namespace;
  readonly #book: SessionBook;
  readonly #isOwnText: boolean;
  readonly #createDecoder: () => DecoderLike;

  constructor(adapter: Adapter, book: SessionBook, isOwnText: boolean) {
    this.#adapter = adapter as unknown as AdapterInside;
    this.#namespace = adapter.nsp as Namespace;
    this.#book = book;
    this.#isOwnText = isOwnText;
    this.#createDecoder = createDecoderOf(this.#namespace.server);
  }

  /** Once for everybody; nothing where it cannot be encoded. */
  encode(packet: Packet): EventPart[] {
    packet.nsp = this.#namespace.name;
    return toEventParts(this.#adapter.encoder.encodeOnce(packet));
  }

  /** An event that came on the link, as the pieces that clients get. Throws DecodeError and ProtocolError. */
  read(heard: Heard): { readonly packet: Packet; readonly parts: readonly EventPart[] } {
    if (heard.encoding === Encoding.own) {
      const parts = readEventParts(new FrameReader(heard.payload, 0));
      return { packet: this.eventOf(parts), parts };
    }
    const packet = readEvent(heard, this.#createDecoder);
    return { packet, parts: this.encode(packet) };
  }

  eventOf(parts: readonly EventPart[]): RemoteEvent {
    return new RemoteEvent(parts, this.#createDecoder);
  }

  /** An event of the parent, which names no child, as one of this namespace. */
  asOfHere(parts: readonly EventPart[]): EventPart[] {
    return this.encode({ type: EVENT, data: this.eventOf(parts).data });
  }

  /** Made once with the cursor, for those whose sessions are kept, and once without, for those who asked for none. */
  deliver(packet: Packet, parts: readonly EventPart[], options: BroadcastOptions): void {
    const bits = packFlags(options.flags);
    const { position } = this.#book;
    let marked: Written | undefined;
    let plain: Written | undefined;
    const heard: KeepableSocket[] = [];
    this.#adapter.apply(options, (socket) => {
      if (socket._anyOutgoingListeners?.length) heard.push(socket);
      let written: Written;
      if (socket[KEPT]) written = marked ??= this.#prepare(this.#mark(parts, position), bits);
      else written = plain ??= this.#prepare(parts, bits);
      socket.client.writeToEngine(written.parts, written.options);
    });
    // Last: what a listener of the app sends has a later cursor, and must be behind this one everywhere.
    for (const socket of heard) socket.notifyOutgoingListeners?.(packet);
  }

  /** To one whose session is kept; with it, its client has got as far as `position`. */
  write(socket: KeepableSocket, parts: readonly EventPart[], flags: number, position: Position): void {
    const written = this.#prepare(this.#mark(parts, position), flags);
    socket.client.writeToEngine(written.parts, written.options);
  }

  #mark(parts: readonly EventPart[], position: Position): readonly EventPart[] {
    const cursor = this.#book.cursor(position);
    const marked = this.#isOwnText ? markText(parts, cursor) : undefined;
    if (marked) return marked;
    const data = [...this.eventOf(parts).data, cursor];
    return toEventParts(this.#adapter.encoder.encode({ type: EVENT, nsp: this.#namespace.name, data }));
  }

  #prepare(parts: readonly EventPart[], flagBits: number): Written {
    const { volatile, compress } = unpackFlags(flagBits);
    const options = { preEncoded: true, volatile, compress };
    return { parts: this.#adapter._encode(this.eventOf(parts), options), options };
  }
}
