/**
 * The first phase of a connection: read until its request target is known, within limits of bytes and time. What follows
 * the target is the worker's to read and to time.
 */
import type { Socket } from "node:net";
import { DeadlineQueue } from "./deadline-queue.js";
import { stopReading } from "./reading.js";
import type { Refusals } from "./refusal.js";
import { RequestLine } from "./request-line.js";

export interface HeadLimits {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
}

/** Called with a connection that is no longer read here, and everything that was read. */
export type OnTarget = (socket: Socket, target: string, bytes: Buffer) => void;

interface Head {
  readonly socket: Socket;
  readonly line: RequestLine;
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
  #silent = 0;

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

  read(socket: Socket): void {
    const head: Head = { socket, line: new RequestLine(), kept: NOTHING, bytes: 0 };
    this.#reading.add(head, performance.now());
    socket.on("data", (chunk: Buffer) => this.#onData(head, chunk));
    socket.on("end", () => this.#onEnd(head));
    // A reset is an error of the socket; its close is all that is to be known.
    socket.on("error", () => {});
    socket.on("close", () => this.#reading.delete(head));
  }

  sweep(nowMs: number): void {
    for (const head of this.#reading.expire(nowMs)) {
      if (head.bytes > 0) this.#refusals.refuse(head.socket, 408);
      else this.#closeSilent(head);
    }
  }

  #onData(head: Head, chunk: Buffer): void {
    const bytes = head.bytes === 0 ? chunk : this.#keep(head, chunk);
    const progress = head.line.read(bytes);
    if (progress === "complete") return this.#complete(head, bytes);
    if (head.bytes === 0) this.#keep(head, chunk);
    if (progress === "malformed") this.#refuse(head, 400);
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
    this.#onTarget(head.socket, head.line.target, bytes);
  }

  /** The client will send no more, so the target never comes. */
  #onEnd(head: Head): void {
    if (!this.#reading.delete(head)) return;
    if (head.bytes > 0) this.#refusals.refuse(head.socket, 400);
    else this.#closeSilent(head);
  }

  #refuse(head: Head, status: 400 | 431): void {
    this.#reading.delete(head);
    head.kept = NOTHING;
    this.#refusals.refuse(head.socket, status);
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
