/**
 * Connections that the primary answers itself: the few error responses it knows, and closing so that the client gets to
 * read them. Closing a socket that has unread bytes makes the kernel send a reset, which may overtake the response; so
 * what still comes is read and thrown away for a moment (RFC 9112, 9.6).
 */
import type { Socket } from "node:net";
import { DeadlineQueue } from "./deadline-queue.js";
import { startReading } from "./reading.js";

const REASONS = {
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
} as const;

export type RefusalStatus = keyof typeof REASONS;

const LINGER_MS = 1_000;
const LINGER_BYTES = 256 * 1024;

export class Refusals {
  readonly #lingering = new DeadlineQueue<Socket>(LINGER_MS);
  readonly #counts: Record<RefusalStatus, number> = { 400: 0, 408: 0, 431: 0, 503: 0 };

  get counts(): Readonly<Record<RefusalStatus, number>> {
    return this.#counts;
  }

  get lingering(): number {
    return this.#lingering.size;
  }

  /** `text` says more than the status does. */
  refuse(socket: Socket, status: RefusalStatus, text = ""): void {
    this.#counts[status]++;
    if (socket.destroyed) return;
    this.#lingering.add(socket, performance.now());
    socket.once("close", () => this.#lingering.delete(socket));
    socket.end(responseOf(status, text));
    discard(socket);
  }

  sweep(nowMs: number): void {
    for (const socket of this.#lingering.expire(nowMs)) socket.destroy();
  }
}

function responseOf(status: RefusalStatus, text: string): string {
  const retry = status === 503 ? "Retry-After: 1\r\n" : "";
  const body = `${text && "Content-Type: text/plain\r\n"}Content-Length: ${text.length}\r\n`;
  return `HTTP/1.1 ${status} ${REASONS[status]}\r\n${retry}${body}Connection: close\r\n\r\n${text}`;
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
