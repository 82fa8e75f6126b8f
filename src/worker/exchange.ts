/**
 * A worker's dealings with the other workers and hosts, through its link: the namespaces it serves, the rooms in which it
 * has members, what it sends, and the requests it waits for. Knows frames, not Socket.IO: adapters say what is sent.
 */

import { Encoding, readContent } from "../protocol/content.js";
import type { UplinkMode } from "../protocol/control.js";
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
import { machineTimeUs } from "../protocol/machine-time.js";
import { RecoveryKind } from "../protocol/recovery-frame.js";
import { DecodeError, EncodeError, encode } from "./codec.js";
import { type Heard, NOTHING, readValue, type Saying } from "./content.js";
import type { Link } from "./link.js";
import { pack, packArguments } from "./packer.js";
import { type TextRun, textRunAt } from "./text-run.js";
import { MAX_TIMEOUT_MS, WaitingRequests } from "./waiting-requests.js";

/** Sends an answer; `last` when no more will come. Where the value cannot be encoded, sends what `otherwise` makes. */
export type Respond = (value: unknown, last: boolean, otherwise?: () => unknown) => void;

/** The last word of a worker that has nothing to say. */
export const NO_ANSWER = Symbol("no answer");

/** What an adapter does with what others send to its namespace. May throw DecodeError or ProtocolError. */
export interface NamespaceServer {
  onBroadcast(address: DecodedAddress, heard: Heard): void;
  onTextRun(run: TextRun): void;
  onCommand(address: DecodedAddress, heard: Heard): void;
  /**
   * `respond(…, true)` is the last word; it may be said later, and must be said once. After `timeoutMs` nobody listens.
   */
  onRequest(address: DecodedAddress, heard: Heard, respond: Respond, timeoutMs: number): void;
}

export interface RequestHandlers {
  onResponse(value: unknown): void;
  /** Nobody will answer any more. */
  onDone(): void;
  /** It could not be encoded; its deadline has passed; or too many are under way, and nobody was asked. */
  onFailure(failure: EncodeError | "timeout" | "refused"): void;
}

/** Leaves room for an address in the largest frame. */
const MAX_PAYLOAD_BYTES = MAX_FRAME_BYTES - 1024 * 1024;
const NO_HEAD = Buffer.alloc(FRAME_HEAD_BYTES);
const COUNT_TIMEOUT_MS = 5_000;
/** The primary gives up earlier, and says so. */
const HEAR_TIMEOUT_MS = 10_000;

/** Hears what concerns sessions that may return, where recovery is on. */
export interface RecoveryEar {
  onFrame(frame: Buffer): void;
  /** A broadcast or command is about to be handled. */
  arrive(): void;
}

export class Exchange {
  recovery: RecoveryEar | undefined;
  /** How this host is joined to others; undefined when it is alone. */
  readonly uplink: UplinkMode | undefined;
  readonly #link: Link;
  readonly #drop: (reason: string, error?: unknown) => void;
  readonly #servers = new Map<string, NamespaceServer>();
  readonly #waiting: WaitingRequests;
  #entered = false;

  /** `drop` counts and logs what could not be sent or read. */
  constructor(link: Link, drop: (reason: string, error?: unknown) => void, uplink?: UplinkMode) {
    this.uplink = uplink;
    this.#link = link;
    this.#drop = drop;
    this.#waiting = new WaitingRequests((id) => link.frame(FrameKind.cancel).number(id).end());
    link.onFrames = (frames) => this.#onFrames(frames);
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

  /** After `join`: resolves when what other hosts send to the rooms comes here, or will not be waited for. */
  hear(namespace: string, rooms: readonly RoomName[]): Promise<void> {
    return new Promise((resolve) => {
      const id = this.#waiting.add(HEAR_TIMEOUT_MS, {
        onResponse: () => {},
        onDone: () => resolve(),
        onFailure: () => resolve(),
      });
      this.#link.frame(FrameKind.hear).number(id).text(namespace).rooms(rooms).end();
    });
  }

  /** As other hosts read it; empty when there are none, or when it cannot be packed at all. */
  readonly pack = (args: unknown[]): Buffer => {
    if (this.uplink === undefined) return NOTHING;
    const packed = this.#attempt(() => packArguments(args));
    return packed instanceof EncodeError ? NOTHING : packed;
  };

  /** `numbered`: the primary keeps it for those who are away. False: it was dropped. */
  broadcast(address: Address, saying: Saying, numbered = false): boolean {
    if (!this.#takes("broadcast", saying)) return false;
    if (numbered) this.#link.urgentFrame(RecoveryKind.numbered).end();
    const frame = this.#link.frame(FrameKind.broadcast).number(saying.packed.length).address(address);
    endWith(frame, saying);
    return true;
  }

  /** An event that is one piece of text, as `broadcast`; with those right before and behind it to the same address. */
  broadcastText(address: Address, flags: number, frame: Buffer, packed: Buffer): void {
    const bytes = frame.length + packed.length;
    if (!this.#hasRoom("broadcast", bytes)) return;
    this.#link.gather(address, flags, { frame, packed: this.uplink === undefined ? undefined : packed });
  }

  /** Has the primary keep an event that a command then takes to the others. False: it was dropped. */
  keep(address: Address, saying: Saying): boolean {
    if (!this.#takes("broadcast", saying)) return false;
    // Whole, with a head, as it is read again when it is replayed.
    const frame = this.#link.urgentFrame(RecoveryKind.kept).bytes(NO_HEAD).number(0).address(address);
    endWith(frame, { ...saying, packed: NOTHING });
    return true;
  }

  command(audience: Audience, address: Address, say: () => Saying): void {
    const saying = this.#attempt(say);
    if (saying instanceof EncodeError || !this.#takes("command", saying)) return;
    const frame = this.#commandFrame(audience).number(saying.packed.length).byte(audience).address(address);
    endWith(frame, saying);
  }

  /** Asks those whom the audience names; one that dies before it has answered is not waited for. */
  request(audience: Audience, address: Address, say: () => Saying, timeoutMs: number, handlers: RequestHandlers): void {
    const saying = this.#attempt(say);
    if (saying instanceof EncodeError) return handlers.onFailure(saying);
    if (!this.#takes("request", saying)) return handlers.onDone();
    const id = this.#waiting.add(timeoutMs, {
      onResponse: (read) => handlers.onResponse(read()),
      onDone: () => handlers.onDone(),
      onFailure: (failure) => handlers.onFailure(failure),
    });
    const frame = this.#link.frame(FrameKind.request).number(id).number(saying.packed.length);
    endWith(frame.number(Math.min(timeoutMs, MAX_TIMEOUT_MS)).byte(audience).address(address), saying);
  }

  /** How many other servers of the namespace there are: workers, and servers elsewhere. */
  countOthers(namespace: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = () =>
        reject(new Error(`the primary did not count the servers of ${namespace} within ${COUNT_TIMEOUT_MS} ms`));
      const id = this.#waiting.add(COUNT_TIMEOUT_MS, { onResponse: () => {}, onDone: resolve, onFailure: late });
      this.#link.frame(FrameKind.count).number(id).text(namespace).end();
    });
  }

  #tellOpen(namespace: string): void {
    this.#link.urgentFrame(FrameKind.open).text(namespace).end();
  }

  /** To join is a room change also where others carry it out. */
  #commandFrame(audience: Audience): FrameBatch {
    const { command } = FrameKind;
    if (audience !== Audience.joining) return this.#link.frame(command);
    this.#link.urgentFrame(FrameKind.saidAt).count(machineTimeUs()).end();
    return this.#link.urgentFrame(command);
  }

  #attempt<T>(encodeIt: () => T): T | EncodeError {
    try {
      return encodeIt();
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      this.#drop("unencodable", error);
      return error;
    }
  }

  /** What the link cannot take is dropped here and counted; there, it would be the end of this worker. */
  #takes(what: string, { bytes, packed }: Saying): boolean {
    return this.#hasRoom(what, bytes + packed.length);
  }

  #hasRoom(what: string, bytes: number): boolean {
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

  #onFrames(frames: readonly Buffer[]): void {
    for (let at = 0; at < frames.length; ) at += this.#onFrame(frames, at);
  }

  /** Answers how many frames it took. */
  #onFrame(frames: readonly Buffer[], at: number): number {
    const frame = frames[at] as Buffer;
    let taken = 1;
    try {
      const found = textRunAt(frames, at);
      taken = found?.frames ?? 1;
      if (found) this.#onTextRun(found.run);
      else this.#dispatch(frame, new FrameReader(frame));
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof DecodeError) this.#drop("unreadable-frame", error);
      // A listener of the app threw: that is the app's to handle or die of, but no reason to lose the next frame.
      else
        queueMicrotask(() => {
          throw error;
        });
    }
    return taken;
  }

  #onTextRun(run: TextRun): void {
    this.recovery?.arrive();
    this.#servers.get(run.address.namespace)?.onTextRun(run);
  }

  #dispatch(frame: Buffer, read: FrameReader): void {
    switch (kindOf(frame)) {
      case FrameKind.broadcast: {
        this.recovery?.arrive();
        const packedBytes = read.number();
        const address = read.address();
        return this.#servers.get(address.namespace)?.onBroadcast(address, readContent(read, packedBytes));
      }
      case FrameKind.command:
        return this.#onCommand(read);
      case FrameKind.request:
        return this.#onRequest(read);
      case FrameKind.response:
        return this.#onResponse(read);
      case FrameKind.done:
        return this.#waiting.done(read.number(), read.number());
      case FrameKind.refused:
        return this.#waiting.refused(read.number());
      default:
        return this.recovery?.onFrame(frame);
    }
  }

  #onCommand(read: FrameReader): void {
    this.recovery?.arrive();
    const packedBytes = read.number();
    const audience = read.byte();
    const address = read.address();
    try {
      this.#servers.get(address.namespace)?.onCommand(address, readContent(read, packedBytes));
    } finally {
      if (audience === Audience.joining) this.#link.urgentFrame(FrameKind.joined).text(address.namespace).end();
    }
  }

  #onRequest(read: FrameReader): void {
    const id = read.number();
    const packedBytes = read.number();
    const timeoutMs = read.number();
    read.byte();
    const address = read.address();
    const heard = readContent(read, packedBytes);
    const respond: Respond = (...answer) => this.#respond(id, heard.encoding, ...answer);
    const server = this.#servers.get(address.namespace);
    if (!server) return respond(NO_ANSWER, true);
    try {
      server.onRequest(address, heard, respond, timeoutMs);
    } catch (error) {
      // What cannot be read is answered all the same: who asks is not to wait for this worker.
      if (error instanceof ProtocolError || error instanceof DecodeError) respond(NO_ANSWER, true);
      throw error;
    }
  }

  /** In our own encoding, or packed for a server that asked in another. */
  #respond(id: number, encoding: number, value: unknown, last: boolean, otherwise?: () => unknown): void {
    const asked = encoding === Encoding.own ? Encoding.own : Encoding.msgpack;
    const payload = value === NO_ANSWER ? NOTHING : this.#encodeAnswer(asked, value, otherwise);
    this.#link
      .frame(FrameKind.response)
      .number(id)
      .byte(last ? 1 : 0)
      .byte(asked)
      .bytes(payload)
      .end();
  }

  #encodeAnswer(encoding: Encoding, value: unknown, otherwise?: () => unknown): Buffer {
    const payload = this.#attempt(() => (encoding === Encoding.own ? encode([value]) : pack(value)));
    if (Buffer.isBuffer(payload) && this.#fits("answer", payload.length)) return payload;
    return this.#encodeAnswer(encoding, otherwise?.());
  }

  #onResponse(read: FrameReader): void {
    const id = read.number();
    read.byte();
    const encoding = read.byte();
    const payload = read.rest();
    if (payload.length === 0) return;
    this.#waiting.responded(id, () => {
      const value = readValue(encoding, payload);
      return encoding === Encoding.own ? (value as [unknown])[0] : value;
    });
  }
}

function endWith(frame: FrameBatch, { what, write, packed }: Saying): void {
  frame.byte(what).byte(Encoding.own);
  write(frame);
  frame.bytes(packed).end();
}
