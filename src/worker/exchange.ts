/**
 * A worker's dealings with the other workers, through its link: the namespaces it serves, the rooms in which it has
 * members, what it sends, and the requests it waits for. Knows frames, not Socket.IO: adapters give the payloads meaning.
 */
import {
  type Address,
  Audience,
  type DecodedAddress,
  FRAME_HEAD_BYTES,
  type FrameBatch,
  FrameKind,
  FrameReader,
  kindOf,
  MAX_FRAME_BYTES,
  ProtocolError,
  type RoomName,
} from "../protocol/frame.js";
import { RecoveryKind } from "../protocol/recovery-frame.js";
import { DecodeError, decode, type EncodeError, encode } from "./codec.js";
import type { Link } from "./link.js";

/** Sends an answer; `last` when no more will come. Where the value cannot be encoded, sends what `otherwise` makes. */
export type Respond = (value: unknown, last: boolean, otherwise?: () => unknown) => void;

/** The last word of a worker that has nothing to say. */
export const NO_ANSWER = Symbol("no answer");

/** What an adapter does with what other workers send to its namespace. */
export interface NamespaceServer {
  onBroadcast(address: DecodedAddress, payload: FrameReader): void;
  onCommand(address: DecodedAddress, command: unknown): void;
  /**
   * `respond(…, true)` is the last word; it may be said later, and must be said once. After `timeoutMs` nobody listens.
   */
  onRequest(address: DecodedAddress, question: unknown, respond: Respond, timeoutMs: number): void;
}

export interface RequestHandlers {
  onResponse(value: unknown): void;
  /** Nobody will answer any more. */
  onDone(): void;
  /** The request could not be encoded, or its deadline has passed. */
  onFailure(error: EncodeError | "timeout"): void;
}

interface Waiting {
  readonly deadline: NodeJS.Timeout;
  onResponse(value: unknown): void;
  onDone(answered: number): void;
}

const EMPTY = Buffer.alloc(0);
const NO_HEAD = Buffer.alloc(FRAME_HEAD_BYTES);
/** Leaves room for an address in the largest frame. */
const MAX_PAYLOAD_BYTES = MAX_FRAME_BYTES - 1024 * 1024;
const COUNT_TIMEOUT_MS = 5_000;

/** Hears what concerns sessions that may return, where recovery is on. */
export interface RecoveryEar {
  onFrame(frame: Buffer): void;
  /** A broadcast or command is about to be handled. */
  arrive(): void;
}

export class Exchange {
  recovery: RecoveryEar | undefined;
  readonly #link: Link;
  readonly #drop: (reason: string, error?: unknown) => void;
  readonly #servers = new Map<string, NamespaceServer>();
  readonly #waiting = new Map<number, Waiting>();
  #entered = false;
  #lastId = 0;

  /** `drop` counts and logs what could not be sent or read. */
  constructor(link: Link, drop: (reason: string, error?: unknown) => void) {
    this.#link = link;
    this.#drop = drop;
    link.onFrame = (frame) => this.#onFrame(frame);
  }

  /** To be called when the app has loaded: until then it could not answer, so this worker is not asked. */
  enter(): void {
    this.#entered = true;
    for (const namespace of this.#servers.keys()) this.#tellOpen(namespace);
  }

  open(namespace: string, server: NamespaceServer): void {
    this.#servers.set(namespace, server);
    if (this.#entered) this.#tellOpen(namespace);
  }

  /** The one that has opened the namespace last and not shut it. */
  serverOf(namespace: string): NamespaceServer | undefined {
    return this.#servers.get(namespace);
  }

  shut(namespace: string, server: NamespaceServer): void {
    if (this.#servers.get(namespace) !== server) return;
    this.#servers.delete(namespace);
    this.#link.frame(FrameKind.shut).text(namespace).end();
  }

  join(namespace: string, rooms: readonly RoomName[]): void {
    this.#link.urgentFrame(FrameKind.join).text(namespace).rooms(rooms).end();
  }

  leave(namespace: string, rooms: readonly RoomName[]): void {
    this.#link.frame(FrameKind.leave).text(namespace).rooms(rooms).end();
  }

  #tellOpen(namespace: string): void {
    this.#link.urgentFrame(FrameKind.open).text(namespace).end();
  }

  /** `numbered`: the primary keeps it for those who are away. False: it was dropped. */
  broadcast(address: Address, flags: number, parts: readonly EventPart[], numbered = false): boolean {
    if (!this.#takes("broadcast", sizeOf(parts))) return false;
    if (numbered) this.#link.urgentFrame(RecoveryKind.numbered).end();
    writeEvent(this.#link.frame(FrameKind.broadcast), address, flags, parts);
    return true;
  }

  /** Has the primary keep an event that a command then takes to the others. False: it was dropped. */
  keep(address: Address, flags: number, parts: readonly EventPart[]): boolean {
    if (!this.#takes("broadcast", sizeOf(parts))) return false;
    // Whole, with a head, as it is read again when it is replayed.
    const frame = this.#link.urgentFrame(RecoveryKind.kept).bytes(NO_HEAD);
    writeEvent(frame, address, flags, parts);
    return true;
  }

  command(audience: Audience, address: Address, command: unknown): void {
    const payload = this.#encode(command);
    if (!Buffer.isBuffer(payload) || !this.#takes("command", payload.length)) return;
    this.#commandFrame(audience).byte(audience).address(address).bytes(payload).end();
  }

  /** To join is a room change also where others carry it out. */
  #commandFrame(audience: Audience): FrameBatch {
    const { command } = FrameKind;
    return audience === Audience.joining ? this.#link.urgentFrame(command) : this.#link.frame(command);
  }

  /** Asks the other workers that the audience names; one that dies before it has answered is not waited for. */
  request(audience: Audience, address: Address, question: unknown, timeoutMs: number, handlers: RequestHandlers): void {
    const payload = this.#encode(question);
    if (!Buffer.isBuffer(payload)) return handlers.onFailure(payload);
    if (!this.#takes("request", payload.length)) return handlers.onDone();
    const id = this.#expect(timeoutMs, handlers);
    const frame = this.#link.frame(FrameKind.request).number(id).number(Math.min(timeoutMs, MAX_TIMEOUT_MS));
    frame.byte(audience).address(address).bytes(payload).end();
  }

  /** How many other workers serve the namespace. */
  countOthers(namespace: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const id = this.#expect(COUNT_TIMEOUT_MS, {
        onResponse: () => {},
        onDone: resolve,
        onFailure: () =>
          reject(new Error(`the primary did not count the servers of ${namespace} within ${COUNT_TIMEOUT_MS} ms`)),
      });
      this.#link.frame(FrameKind.count).number(id).text(namespace).end();
    });
  }

  #expect(timeoutMs: number, handlers: Omit<Waiting, "deadline"> & Pick<RequestHandlers, "onFailure">): number {
    const id = this.#nextId();
    const deadline = setTimeout(
      () => {
        this.#waiting.delete(id);
        this.#link.frame(FrameKind.cancel).number(id).end();
        handlers.onFailure("timeout");
      },
      Math.min(timeoutMs, MAX_TIMEOUT_MS),
    );
    this.#waiting.set(id, { deadline, onResponse: handlers.onResponse, onDone: handlers.onDone });
    return id;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  #encode(value: unknown): Buffer | EncodeError {
    try {
      return encode(value);
    } catch (error) {
      this.#drop("unencodable", error);
      return error as EncodeError;
    }
  }

  /** What the link cannot take is dropped here and counted; there, it would be the end of this worker. */
  #takes(what: string, bytes: number): boolean {
    if (!this.#fits(what, bytes)) return false;
    if (!this.#link.full) return true;
    this.#drop(`link-full-${what}`);
    return false;
  }

  #fits(what: string, bytes: number): boolean {
    if (bytes <= MAX_PAYLOAD_BYTES) return true;
    this.#drop(`too-large-${what}`);
    return false;
  }

  #onFrame(frame: Buffer): void {
    try {
      this.#dispatch(frame, new FrameReader(frame));
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof DecodeError) this.#drop("unreadable-frame", error);
      // A listener of the app threw: that is the app's to handle or die of, but no reason to lose the next frame.
      else
        queueMicrotask(() => {
          throw error;
        });
    }
  }

  #dispatch(frame: Buffer, read: FrameReader): void {
    switch (kindOf(frame)) {
      case FrameKind.broadcast: {
        this.recovery?.arrive();
        const address = read.address();
        return this.#servers.get(address.namespace)?.onBroadcast(address, read);
      }
      case FrameKind.command:
        return this.#onCommand(read.byte(), read.address(), read.rest());
      case FrameKind.request:
        return this.#onRequest(read);
      case FrameKind.response:
        return this.#onResponse(read);
      case FrameKind.done:
        return this.#onDone(read);
      default:
        return this.recovery?.onFrame(frame);
    }
  }

  #onCommand(audience: number, address: DecodedAddress, payload: Buffer): void {
    this.recovery?.arrive();
    try {
      this.#servers.get(address.namespace)?.onCommand(address, decode(payload));
    } finally {
      if (audience === Audience.joining) this.#link.urgentFrame(FrameKind.joined).text(address.namespace).end();
    }
  }

  #onRequest(read: FrameReader): void {
    const id = read.number();
    const timeoutMs = read.number();
    read.byte();
    const address = read.address();
    const respond: Respond = (...answer) => this.#respond(id, ...answer);
    const server = this.#servers.get(address.namespace);
    if (!server) return respond(NO_ANSWER, true);
    server.onRequest(address, this.#decodeQuestion(read.rest(), respond), respond, timeoutMs);
  }

  /** What cannot be read is answered all the same: who asks is not to wait for this worker. */
  #decodeQuestion(payload: Buffer, respond: Respond): unknown {
    try {
      return decode(payload);
    } catch (error) {
      respond(NO_ANSWER, true);
      throw error;
    }
  }

  #respond(id: number, value: unknown, last: boolean, otherwise?: () => unknown): void {
    const payload = value === NO_ANSWER ? EMPTY : this.#encodeAnswer(value, otherwise);
    this.#link
      .frame(FrameKind.response)
      .number(id)
      .byte(last ? 1 : 0)
      .bytes(payload)
      .end();
  }

  #encodeAnswer(value: unknown, otherwise?: () => unknown): Buffer {
    const payload = this.#encode([value]);
    if (Buffer.isBuffer(payload) && this.#fits("answer", payload.length)) return payload;
    return otherwise ? this.#encodeAnswer(otherwise()) : encode([undefined]);
  }

  #onResponse(read: FrameReader): void {
    const waiting = this.#waiting.get(read.number());
    read.byte();
    const payload = read.rest();
    if (payload.length > 0) waiting?.onResponse((decode(payload) as [unknown])[0]);
  }

  #onDone(read: FrameReader): void {
    const id = read.number();
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.deadline);
    waiting.onDone(read.number());
  }
}

function writeEvent(frame: FrameBatch, address: Address, flags: number, parts: readonly EventPart[]): void {
  frame.address(address).byte(flags).number(parts.length);
  for (const part of parts) {
    if (typeof part === "string") frame.byte(0).longText(part);
    else frame.byte(1).sizedBytes(part);
  }
  frame.end();
}

/** A piece of an event as Socket.IO's parser encodes it: text, or a binary attachment. */
export type EventPart = string | Uint8Array;

/** setTimeout's own limit. */
const MAX_TIMEOUT_MS = 0x7fff_ffff;

function sizeOf(parts: readonly EventPart[]): number {
  return parts.reduce((sum, part) => sum + (typeof part === "string" ? Buffer.byteLength(part) : part.byteLength), 0);
}
