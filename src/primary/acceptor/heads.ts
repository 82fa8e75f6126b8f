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
  chunks: Buffer[];
  bytes: number;
}

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
    const head: Head = { socket, line: new RequestLine(), chunks: [], bytes: 0 };
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
    head.chunks.push(chunk);
    head.bytes += chunk.length;
    const progress = head.line.push(chunk);
    if (progress === "complete") this.#complete(head);
    else if (progress === "malformed") this.#refuse(head, 400);
    else if (head.bytes > this.#limits.maxHeaderBytes) this.#refuse(head, 431);
  }

  #complete(head: Head): void {
    this.#reading.delete(head);
    if (!stopReading(head.socket)) return void head.socket.destroy();
    const bytes = head.chunks.length === 1 ? (head.chunks[0] as Buffer) : Buffer.concat(head.chunks, head.bytes);
    head.chunks = [];
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
    head.chunks = [];
    this.#refusals.refuse(head.socket, status);
  }

  #closeSilent(head: Head): void {
    this.#silent++;
    head.socket.destroy();
  }
}
