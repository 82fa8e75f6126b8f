/**
 * The first phase of a connection: read until its request target is known, within limits of bytes and time. What follows
 * the target is the worker's to read and to time.
 */
import type { Caller } from "./arrival.js";
import { DeadlineQueue } from "./deadline-queue.js";
import { readProxyHeader } from "./proxy-header.js";
import { stopReading } from "./reading.js";
import type { Refusals } from "./refusal.js";
import { RequestLine } from "./request-line.js";

export interface HeadLimits {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
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
  readonly line: RequestLine;
  /** A PROXY header is still to come. */
  proxied: boolean;
  /** What was read, in front of room for more. */
  kept: Buffer;
  bytes: number;
}

const NOTHING = Buffer.alloc(0);
const FIRST_ROOM_BYTES = 256;

export class Heads {
  readonly #limits: HeadLimits;
  readonly #refusals: Refusals;
  readonly #onTarget: OnTarget;
  readonly #reading: DeadlineQueue<Head>;
  readonly #proxies: ProxyRule;
  #silent = 0;
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

  /** Connections of trusted proxies closed for a PROXY header that is missing, malformed or late. */
  get misproxied(): number {
    return this.#misproxied;
  }

  read(caller: Caller): void {
    const { socket } = caller;
    const proxied = this.#proxies.speaksFor(caller);
    if (!proxied && !this.#proxies.onPeer(caller)) return;
    const head: Head = { caller, line: new RequestLine(), proxied, kept: NOTHING, bytes: 0 };
    this.#reading.add(head, performance.now());
    socket.on("data", (chunk: Buffer) => this.#onData(head, chunk));
    socket.on("end", () => this.#onEnd(head));
    socket.on("close", () => this.#reading.delete(head));
  }

  sweep(nowMs: number): void {
    for (const head of this.#reading.expire(nowMs)) {
      if (head.bytes === 0) this.#closeSilent(head);
      else if (head.proxied) this.#closeMisproxied(head);
      else this.#refusals.refuse(head.caller.socket, 408);
    }
  }

  #onData(head: Head, chunk: Buffer): void {
    const bytes = head.bytes === 0 ? chunk : this.#keep(head, chunk);
    if (head.proxied) return this.#readProxyHeader(head, bytes, chunk);
    const progress = head.line.read(bytes);
    if (progress === "complete") return this.#complete(head, bytes);
    if (head.bytes === 0) this.#keep(head, chunk);
    if (progress === "malformed") this.#refuse(head, 400);
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
    const { caller, line } = head;
    if (!stopReading(caller.socket)) return void caller.socket.destroy();
    head.kept = NOTHING;
    this.#onTarget(caller, line.target, bytes);
  }

  /** The client will send no more, so the target never comes. */
  #onEnd(head: Head): void {
    if (!this.#reading.delete(head)) return;
    if (head.bytes === 0) this.#closeSilent(head);
    else if (head.proxied) this.#closeMisproxied(head);
    else this.#refusals.refuse(head.caller.socket, 400);
  }

  #refuse(head: Head, status: 400 | 431): void {
    this.#reading.delete(head);
    head.kept = NOTHING;
    this.#refusals.refuse(head.caller.socket, status);
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
