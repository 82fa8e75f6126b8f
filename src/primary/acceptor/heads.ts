/**
 * The first phase of a connection: read until its request target is known, or that it speaks TLS, within limits of bytes
 * and time. What follows is the worker's to read and to time.
 */
import type { Socket } from "node:net";
import { DeadlineQueue } from "./deadline-queue.js";
import type { Opening } from "./opening.js";
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
export type OnTarget = (socket: Socket, target: string, bytes: Buffer) => void;

interface Head {
  readonly socket: Socket;
  readonly opening: Opening;
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
  #silent = 0;
  #alien = 0;

  constructor(limits: HeadLimits, refusals: Refusals, onTarget: OnTarget) {
    this.#limits = limits;
    this.#refusals = refusals;
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

  read(socket: Socket): void {
    const opening = this.#limits.tls ? new TlsOpening() : new RequestLine();
    const head: Head = { socket, opening, kept: NOTHING, bytes: 0 };
    this.#reading.add(head, performance.now());
    socket.on("data", (chunk: Buffer) => this.#onData(head, chunk));
    socket.on("end", () => this.#onEnd(head));
    // A reset is an error of the socket; its close is all that is to be known.
    socket.on("error", () => {});
    socket.on("close", () => this.#reading.delete(head));
  }

  sweep(nowMs: number): void {
    for (const head of this.#reading.expire(nowMs)) {
      if (head.bytes === 0) this.#closeSilent(head);
      else this.#answer(head, 408);
    }
  }

  #onData(head: Head, chunk: Buffer): void {
    const bytes = head.bytes === 0 ? chunk : this.#keep(head, chunk);
    const progress = head.opening.read(bytes);
    if (progress === "complete") return this.#complete(head, bytes);
    if (head.bytes === 0) this.#keep(head, chunk);
    if (progress === "malformed") this.#refuse(head, 400);
    else if (progress === "plain") this.#refuse(head, 400, SPEAKS_TLS);
    else if (progress === "alien") this.#closeAlien(head);
    else if (head.bytes > this.#limits.maxHeaderBytes) this.#refuse(head, 431);
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
    if (!stopReading(head.socket)) return void head.socket.destroy();
    head.kept = NOTHING;
    this.#onTarget(head.socket, head.opening.target, bytes);
  }

  /** The client will send no more, so the target never comes. */
  #onEnd(head: Head): void {
    if (!this.#reading.delete(head)) return;
    if (head.bytes === 0) this.#closeSilent(head);
    else this.#answer(head, 400);
  }

  #refuse(head: Head, status: 400 | 431, text?: string): void {
    this.#reading.delete(head);
    head.kept = NOTHING;
    this.#refusals.refuse(head.socket, status, text);
  }

  /** Half a hello is closed without a word: its sender would not understand one. */
  #answer(head: Head, status: 400 | 408): void {
    if (head.opening.isHttp) this.#refusals.refuse(head.socket, status);
    else this.#closeAlien(head);
  }

  #closeAlien(head: Head): void {
    this.#reading.delete(head);
    this.#alien++;
    head.socket.destroy();
  }

  #closeSilent(head: Head): void {
    this.#silent++;
    head.socket.destroy();
  }
}

/** Twice the room, within the limit; the chunk that goes beyond it is the last. */
function grown({ kept, bytes }: Head, needed: number, limit: number): Buffer {
  const room = Math.min(Math.max(FIRST_ROOM_BYTES, 2 * kept.length), limit);
  const buffer = Buffer.allocUnsafeSlow(Math.max(needed, room));
  kept.copy(buffer, 0, 0, bytes);
  return buffer;
}
