/**
 * The first phase of a connection: read until its request target is known, or that it speaks TLS, within limits of bytes
 * and time. What follows is the worker's to read and to time.
 */
import type { Caller } from "./arrival.js";
import { DeadlineQueue } from "./deadline-queue.js";
import type { Opening } from "./opening.js";
import { readProxyHeader } from "./proxy-header.js";
import { stopReading } from "./reading.js";
import type { Refusals } from "./refusal.js";
import { RequestLine } from "./request-line.js";
import { TlsOpening } from "./tls-opening.js";

export interface HeadLimits {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
  /** Whether clients speak TLS; else plain HTTP. */
  readonly tls?: boolean;
}

/** Called with a connection that is no longer read here, and everything that was read. */
export type OnTarget = (caller: Caller, target: string, bytes: Buffer) => void;

/** What the acceptor knows of proxies. */
export interface ProxyRule {
  /** Whether a PROXY header must come first. */
  speaksFor(caller: Caller): boolean;
  /** Whose the connection is, is known. False: it has been refused. */
  onPeer(caller: Caller): boolean;
}

interface Head {
  readonly caller: Caller;
  readonly opening: Opening;
  /** A PROXY header is still to come. */
  proxied: boolean;
  /** What was read, in front of room for more. */
  kept: Buffer;
  bytes: number;
}

const NOTHING = Buffer.alloc(0);
const FIRST_ROOM_BYTES = 256;
const SPEAKS_TLS = "This port speaks TLS: ask by https:// or wss://.\n";

export class Heads {
  readonly #limits: HeadLimits;
  readonly #refusals: Refusals;
  readonly #onTarget: OnTarget;
  readonly #reading: DeadlineQueue<Head>;
  readonly #proxies: ProxyRule;
  #silent = 0;
  #alien = 0;
  #misproxied = 0;

  constructor(limits: HeadLimits, refusals: Refusals, proxies: ProxyRule, onTarget: OnTarget) {
    this.#limits = limits;
    this.#refusals = refusals;
    this.#proxies = proxies;
    this.#onTarget = onTarget;
    this.#reading = new DeadlineQueue(limits.headerTimeoutMs);
  }

  get size(): number {
    return this.#reading.size;
  }

  /** Connections closed because nothing came on them. */
  get silent(): number {
    return this.#silent;
  }

  /** Connections to a TLS port closed because what came was neither TLS nor HTTP. */
  get alien(): number {
    return this.#alien;
  }

  /** Connections of trusted proxies closed for a PROXY header that is missing, malformed or late. */
  get misproxied(): number {
    return this.#misproxied;
  }

  read(caller: Caller): void {
    const { socket } = caller;
    const proxied = this.#proxies.speaksFor(caller);
    if (!proxied && !this.#proxies.onPeer(caller)) return;
    const opening = this.#limits.tls ? new TlsOpening() : new RequestLine();
    const head: Head = { caller, opening, proxied, kept: NOTHING, bytes: 0 };
    this.#reading.add(head, performance.now());
    socket.on("data", (chunk: Buffer) => this.#onData(head, chunk));
    socket.on("end", () => this.#onEnd(head));
    socket.on("close", () => this.#reading.delete(head));
  }

  sweep(nowMs: number): void {
    for (const head of this.#reading.expire(nowMs)) {
      if (head.bytes === 0) this.#closeSilent(head);
      else if (head.proxied) this.#closeMisproxied(head);
      else this.#answer(head, 408);
    }
  }

  #onData(head: Head, chunk: Buffer): void {
    const bytes = head.bytes === 0 ? chunk : this.#keep(head, chunk);
    if (head.proxied) return this.#readProxyHeader(head, bytes, chunk);
    const progress = head.opening.read(bytes);
    if (progress === "complete") return this.#complete(head, bytes);
    if (head.bytes === 0) this.#keep(head, chunk);
    if (progress === "malformed") this.#refuse(head, 400);
    else if (progress === "plain") this.#refuse(head, 400, SPEAKS_TLS);
    else if (progress === "alien") this.#closeAlien(head);
    else if (head.bytes > this.#limits.maxHeaderBytes) this.#refuse(head, 431);
  }

  #readProxyHeader(head: Head, bytes: Buffer, chunk: Buffer): void {
    const header = readProxyHeader(bytes);
    if (header.kind === "malformed") return this.#closeMisproxied(head);
    if (header.kind === "more") {
      if (head.bytes === 0) this.#keep(head, chunk);
      return;
    }
    head.proxied = false;
    head.bytes = 0;
    head.kept = NOTHING;
    head.caller.peer = header.peer;
    if (!this.#proxies.onPeer(head.caller)) return void this.#reading.delete(head);
    if (bytes.length > header.bytes) this.#onData(head, bytes.subarray(header.bytes));
  }

  /** Copied into one buffer: a chunk of one byte would cost hundreds if it were kept as it is. Gives all so far. */
  #keep(head: Head, chunk: Buffer): Buffer {
    const bytes = head.bytes + chunk.length;
    if (bytes > head.kept.length) head.kept = grown(head, bytes, this.#limits.maxHeaderBytes);
    chunk.copy(head.kept, head.bytes);
    head.bytes = bytes;
    return head.kept.subarray(0, bytes);
  }

  #complete(head: Head, bytes: Buffer): void {
    this.#reading.delete(head);
    const { caller, opening } = head;
    if (!stopReading(caller.socket)) return void caller.socket.destroy();
    head.kept = NOTHING;
    this.#onTarget(caller, opening.target, bytes);
  }

  /** The client will send no more, so the target never comes. */
  #onEnd(head: Head): void {
    if (!this.#reading.delete(head)) return;
    if (head.bytes === 0) this.#closeSilent(head);
    else if (head.proxied) this.#closeMisproxied(head);
    else this.#answer(head, 400);
  }

  #refuse(head: Head, status: 400 | 431, text?: string): void {
    this.#reading.delete(head);
    head.kept = NOTHING;
    this.#refusals.refuse(head.caller.socket, status, text);
  }

  /** Half a hello is closed without a word: its sender would not understand one. */
  #answer(head: Head, status: 400 | 408): void {
    if (head.opening.isHttp) this.#refusals.refuse(head.caller.socket, status);
    else this.#closeAlien(head);
  }

  #closeAlien(head: Head): void {
    this.#reading.delete(head);
    this.#alien++;
    head.caller.socket.destroy();
  }

  #closeSilent(head: Head): void {
    this.#silent++;
    head.caller.socket.destroy();
  }

  #closeMisproxied(head: Head): void {
    this.#misproxied++;
    this.#reading.delete(head);
    head.caller.socket.destroy();
  }
}

/** Twice the room, within the limit; the chunk that goes beyond it is the last. */
function grown({ kept, bytes }: Head, needed: number, limit: number): Buffer {
  const room = Math.min(Math.max(FIRST_ROOM_BYTES, 2 * kept.length), limit);
  const buffer = Buffer.allocUnsafeSlow(Math.max(needed, room));
  kept.copy(buffer, 0, 0, bytes);
  return buffer;
}
