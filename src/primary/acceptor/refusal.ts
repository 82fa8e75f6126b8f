/**
 * Connections that the primary answers itself: the few error responses it knows, and closing so that the client gets to
 * read them. Closing a socket that has unread bytes makes the kernel send a reset, which may overtake the response; so
 * what still comes is read and thrown away for a moment (RFC 9112, 9.6).
 */
import type { Socket } from "node:net";
import type { Headers, Origins } from "../../protocol/cross-origin.js";
import { DeadlineQueue } from "./deadline-queue.js";
import { startReading } from "./reading.js";
import { answerTo, isWholeHead } from "./refused-head.js";

const REASONS = {
  204: "No Content",
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
} as const;

export type RefusalStatus = Exclude<keyof typeof REASONS, 204>;

const LINGER_MS = 1_000;
const LINGER_BYTES = 256 * 1024;
/** The rest of a head that is waited for, to see whether a page asks. */
const MAX_HEAD_BYTES = 16 * 1024;

export class Refusals {
  /** These may read why they were refused. */
  origins: Origins = [];
  /** Connections whose head is still to come, with what has. */
  readonly #unread = new DeadlineQueue<Unread>(LINGER_MS);
  readonly #lingering = new DeadlineQueue<Socket>(LINGER_MS);
  readonly #counts: Record<RefusalStatus, number> = { 400: 0, 408: 0, 431: 0, 503: 0 };

  get counts(): Readonly<Record<RefusalStatus, number>> {
    return this.#counts;
  }

  get lingering(): number {
    return this.#lingering.size + this.#unread.size;
  }

  /** `text` says more than the status does. */
  refuse(socket: Socket, status: RefusalStatus, text = ""): void {
    this.#counts[status]++;
    this.#answer(socket, status, {}, text);
  }

  /** As with 503, but without a word: whom it would be for does not speak HTTP here. */
  hangUp(socket: Socket): void {
    this.#counts[503]++;
    socket.destroy();
  }

  /** With 503, and so that a page can read it, given what has been read. */
  turnAway(socket: Socket, bytes: Buffer): void {
    this.#counts[503]++;
    if (socket.destroyed) return;
    if (this.origins.length === 0 || isWholeHead(bytes)) return this.#answerPage(socket, bytes);
    const unread = { socket, bytes };
    this.#unread.add(unread, performance.now());
    socket.once("close", () => this.#unread.delete(unread));
    socket.removeAllListeners("data");
    socket.on("data", (chunk: Buffer) => this.#onHead(unread, chunk));
    startReading(socket);
  }

  #onHead(unread: Unread, chunk: Buffer): void {
    unread.bytes = Buffer.concat([unread.bytes, chunk]);
    if (!isWholeHead(unread.bytes) && unread.bytes.length < MAX_HEAD_BYTES) return;
    this.#unread.delete(unread);
    this.#answerPage(unread.socket, unread.bytes);
  }

  #answerPage(socket: Socket, bytes: Buffer): void {
    const { status = 503, headers } = answerTo(bytes, this.origins);
    this.#answer(socket, status, headers);
  }

  #answer(socket: Socket, status: keyof typeof REASONS, headers: Headers = {}, text = ""): void {
    if (socket.destroyed) return;
    this.#lingering.add(socket, performance.now());
    socket.once("close", () => this.#lingering.delete(socket));
    socket.end(responseOf(status, headers, text));
    discard(socket);
  }

  sweep(nowMs: number): void {
    for (const { socket, bytes } of this.#unread.expire(nowMs)) this.#answerPage(socket, bytes);
    for (const socket of this.#lingering.expire(nowMs)) socket.destroy();
  }
}

interface Unread {
  readonly socket: Socket;
  bytes: Buffer;
}

function responseOf(status: keyof typeof REASONS, headers: Headers, text: string): string {
  const retry = status === 503 ? { "Retry-After": "1" } : {};
  const type = text ? { "Content-Type": "text/plain" } : {};
  const length = status === 204 ? {} : { "Content-Length": String(text.length) };
  const lines = Object.entries({ ...retry, ...headers, ...type, ...length, Connection: "close" });
  return `HTTP/1.1 ${status} ${REASONS[status]}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${text}`;
}

function discard(socket: Socket): void {
  let discarded = 0;
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > LINGER_BYTES) socket.destroy();
  });
  startReading(socket);
}
