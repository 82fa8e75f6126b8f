/**
 * A TCP connection byte by byte: requests cut where no client would cut them, half-open connections, resets. Reads
 * responses strictly, as many as there are on the connection.
 */
import { once } from "node:events";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { onCleanup } from "./cleanup.js";
import type { Server } from "./client.js";
import { within } from "./eventually.js";
import { writeSegment } from "./segment.js";

const READ_MS = 5_000;

export const handshakeTarget = "/socket.io/?EIO=4&transport=polling";
export const websocketTarget = "/socket.io/?EIO=4&transport=websocket";

/** A request head: `head("GET / HTTP/1.1", { host: "a" })`. */
export function head(
  requestLine: string,
  headers: Readonly<Record<string, string | number>> = { host: "raw" },
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${requestLine}\r\n${lines.join("")}\r\n`;
}

export function websocketHead(target = websocketTarget): string {
  return head(`GET ${target} HTTP/1.1`, {
    host: "raw",
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": 13,
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  });
}

/** As clients send it, its mask of zeros; up to 125 bytes. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 + payload.length, 0, 0, 0, 0]), payload]);
}

export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; of a header that came twice, the values joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** How a connection ended: the other side's FIN, or a reset. (libuv tells a reset that comes with data as an end.) */
export interface RawEnd {
  readonly bytes: Buffer;
  readonly how: "end" | "reset";
}

/** The connection ended before what was awaited had come. */
export class HangUpError extends Error {
  override readonly name = "HangUpError";
  readonly code = "ECONNRESET";

  constructor(received: Buffer) {
    super(`the connection ended after: ${received.toString("latin1")}`);
  }
}

/** A connection that is open. */
export async function openRaw(target: Server | NetConnectOpts, withinMs = READ_MS): Promise<RawConnection> {
  const socket = connect({ ...addressOf(target), allowHalfOpen: true });
  onCleanup(() => socket.destroy());
  await within(once(socket, "connect"), withinMs, "a TCP connection");
  socket.setNoDelay(true);
  return new RawConnection(socket);
}

export class RawConnection {
  readonly socket: Socket;
  /** Bytes that came and were not consumed by a read. */
  received = Buffer.alloc(0);
  #ended: "end" | "reset" | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake();
    });
    socket.on("end", () => this.#end("end"));
    // Every error of an established connection is one: reset, or a write after the other side is gone.
    socket.on("error", () => this.#end("reset"));
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Writes the bytes in pieces cut at the offsets; each is read by the other side before the next leaves. */
  async writeSplit(bytes: string | Buffer, offsets: readonly number[]): Promise<void> {
    const all = Buffer.from(bytes as string, "latin1");
    const cuts = [0, ...offsets, all.length];
    for (let i = 1; i < cuts.length; i++) {
      await writeSegment(this.socket, all.subarray(cuts[i - 1], cuts[i]));
    }
  }

  /** The next response. Its body has a length, is chunked, or lasts until the end of the connection. */
  async response(withinMs = READ_MS): Promise<RawResponse> {
    const text = (await this.bytesUntil("\r\n\r\n", withinMs)).toString("latin1");
    const [statusLine = "", ...lines] = text.trimEnd().split("\r\n");
    const [, status, reason = ""] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(statusLine) ?? [];
    if (status === undefined) throw new Error(`not a status line: ${statusLine}`);
    const headers = headersOf(lines);
    const body = await this.#body(Number(status), headers, withinMs);
    return { status: Number(status), reason, headers, body };
  }

  /** Consumes everything up to the pattern and the pattern itself. */
  bytesUntil(pattern: string | Buffer, withinMs = READ_MS): Promise<Buffer> {
    return this.#consume(() => {
      const at = this.received.indexOf(pattern);
      return at === -1 ? undefined : at + pattern.length;
    }, withinMs);
  }

  bytes(count: number, withinMs = READ_MS): Promise<Buffer> {
    return this.#consume(() => (this.received.length < count ? undefined : count), withinMs);
  }

  /** Waits for the other side to close, and gives what came until then. */
  async untilClosed(withinMs = READ_MS): Promise<RawEnd> {
    const closed = this.#until(() => this.#ended);
    const how = await within(closed, withinMs, "the end of the connection", () => this.received.toString("latin1"));
    const bytes = this.received;
    this.received = Buffer.alloc(0);
    return { bytes, how };
  }

  halfClose(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #body(status: number, headers: RawResponse["headers"], withinMs: number): Promise<Buffer> {
    if (status < 200 || status === 204 || status === 304) return Buffer.alloc(0);
    if (headers["transfer-encoding"] === "chunked") return this.#chunks(withinMs);
    if (headers["content-length"] !== undefined) return this.bytes(Number(headers["content-length"]), withinMs);
    return (await this.untilClosed(withinMs)).bytes;
  }

  async #chunks(withinMs: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt((await this.bytesUntil("\r\n", withinMs)).toString("latin1"), 16);
      chunks.push((await this.bytes(size + 2, withinMs)).subarray(0, size));
      if (size === 0) return Buffer.concat(chunks);
    }
  }

  async #consume(end: () => number | undefined, withinMs: number): Promise<Buffer> {
    const ready = this.#until(() => end() ?? this.#ended);
    const at = await within(ready, withinMs, "bytes", () => this.received.toString("latin1"));
    if (typeof at === "string") throw new HangUpError(this.received);
    const bytes = this.received.subarray(0, at);
    this.received = this.received.subarray(at);
    return bytes;
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const seen = look();
      if (seen !== undefined) return seen;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #end(how: "end" | "reset"): void {
    this.#ended ??= how;
    this.#wake();
  }
}

function addressOf(target: Server | NetConnectOpts): NetConnectOpts {
  if (!("url" in target)) return target;
  const { hostname, port } = new URL(target.url);
  return { host: hostname, port: Number(port) };
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}
