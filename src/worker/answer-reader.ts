/**
 * Reads the answers of another worker's HTTP server, which is Node's: a head, then a body by its length, in chunks, or to
 * the end of the connection. For answers that are passed on as they are; Node's own client makes some twenty objects for
 * each. Pure.
 */
import { MAX_ANSWER_HEAD_BYTES } from "./message-head.js";

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  /** Names and values, in turn. */
  readonly rawHeaders: readonly string[];
  /** Of the body, where the head says it. */
  readonly length: number | undefined;
  /** Another request may follow on the connection. */
  readonly keepsAlive: boolean;
}

export interface AnswerListener {
  onHead(head: AnswerHead): void;
  onBody(piece: Buffer): void;
  onEnd(): void;
}

/** What came is no answer in HTTP/1.1. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
  readonly code = "HOLDFAST_BAD_ANSWER";
}

const HEAD_END = Buffer.from("\r\n\r\n");
const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) ?(.*)$/;
const CHUNK_HEAD = /^([\da-f]{1,8})(?:;.*)?$/i;
const MAX_LINE_BYTES = 16 * 1024;

export class AnswerReader {
  readonly #listener: AnswerListener;
  readonly #hasNoBody: boolean;
  /** What takes the next bytes; answers what it has left of them. */
  #next: (bytes: Buffer) => Buffer = (bytes) => this.#head(bytes);
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Of the body, or of the chunk under way. */
  #left = 0;
  #isWhole = false;
  #endsWithConnection = false;

  /** An answer to HEAD has no body, whatever its head says. */
  constructor(method: string | undefined, listener: AnswerListener) {
    this.#hasNoBody = method === "HEAD";
    this.#listener = listener;
  }

  /** Throws AnswerError. */
  push(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) rest = this.#isWhole ? fail("more than one answer") : this.#next(rest);
  }

  /** The connection has ended: false, where the answer is cut short. */
  end(): boolean {
    if (this.#endsWithConnection && !this.#isWhole) this.#finish();
    return this.#isWhole;
  }

  #head(bytes: Buffer): Buffer {
    const [text, rest] = this.#upTo(HEAD_END, bytes, MAX_ANSWER_HEAD_BYTES);
    if (text === undefined) return rest;
    const { head, framing } = readHead(text);
    // What stands before the answer itself, such as 103.
    if (head.status < 200) return rest;
    this.#listener.onHead(head);
    if (this.#hasNoBody || head.status === 204 || head.status === 304) this.#finish();
    else this.#beginBody(framing, head.length);
    return rest;
  }

  #beginBody(framing: Framing, length = 0): void {
    this.#left = length;
    this.#endsWithConnection = framing === "connection";
    if (framing === "chunks") this.#next = (bytes) => this.#chunkHead(bytes);
    else if (framing === "connection") this.#next = (bytes) => this.#all(bytes);
    else if (length > 0) this.#next = (bytes) => this.#sized(bytes, () => this.#finish());
    else this.#finish();
  }

  #all(bytes: Buffer): Buffer {
    this.#listener.onBody(bytes);
    return bytes.subarray(bytes.length);
  }

  #sized(bytes: Buffer, onDone: () => void): Buffer {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= piece.length;
    this.#listener.onBody(piece);
    if (this.#left === 0) onDone();
    return bytes.subarray(piece.length);
  }

  #chunkHead(bytes: Buffer): Buffer {
    const [line, rest] = this.#upTo(LINE_END, bytes, MAX_LINE_BYTES);
    if (line === undefined) return rest;
    const [, size] = CHUNK_HEAD.exec(line) ?? fail(`a chunk of size ${line}`);
    this.#left = Number.parseInt(size as string, 16);
    this.#next = this.#left === 0 ? (more) => this.#trailer(more) : (more) => this.#chunk(more);
    return rest;
  }

  #chunk(bytes: Buffer): Buffer {
    return this.#sized(bytes, () => {
      this.#next = (more) => this.#chunkEnd(more);
    });
  }

  #chunkEnd(bytes: Buffer): Buffer {
    const [line, rest] = this.#upTo(LINE_END, bytes, LINE_END.length);
    if (line === "") this.#next = (more) => this.#chunkHead(more);
    else if (line !== undefined) fail("a chunk longer than it says");
    return rest;
  }

  /** Lines up to an empty one. Trailers are not passed on, as before a client of Node's. */
  #trailer(bytes: Buffer): Buffer {
    const [line, rest] = this.#upTo(LINE_END, bytes, MAX_LINE_BYTES);
    if (line === "") this.#finish();
    return rest;
  }

  #finish(): void {
    this.#isWhole = true;
    this.#listener.onEnd();
  }

  /** The text before `mark`, once that has come, and what is left behind it; until then all is held. */
  #upTo(mark: Buffer, bytes: Buffer, maxBytes: number): [text: string | undefined, rest: Buffer] {
    const all = this.#heldBytes === 0 ? bytes : Buffer.concat([...this.#held, bytes]);
    const at = all.indexOf(mark);
    const isThere = at >= 0;
    if ((isThere ? at : all.length) > maxBytes) fail(`more than ${maxBytes} bytes without an end`);
    this.#held = isThere ? [] : [all];
    this.#heldBytes = isThere ? 0 : all.length;
    return isThere
      ? [all.toString("latin1", 0, at), all.subarray(at + mark.length)]
      : [undefined, all.subarray(all.length)];
  }
}

const LINE_END = Buffer.from("\r\n");

type Framing = "length" | "chunks" | "connection";

function readHead(text: string): { head: AnswerHead; framing: Framing } {
  const [first = "", ...lines] = text.split("\r\n");
  const [, status, reason = ""] = STATUS_LINE.exec(first) ?? fail("no status line");
  const rawHeaders: string[] = [];
  let length: number | undefined;
  let keepsAlive = true;
  let isChunked = false;
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) fail("a header without a name");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    rawHeaders.push(name, value);
    switch (name.toLowerCase()) {
      case "content-length":
        length = /^\d{1,15}$/.test(value) ? Number(value) : fail(`a length of ${value}`);
        break;
      case "transfer-encoding":
        isChunked = /chunked$/i.test(value) || fail(`a transfer encoding ${value}`);
        break;
      case "connection":
        keepsAlive = !/close/i.test(value);
        break;
    }
  }
  const framing = isChunked ? "chunks" : length === undefined ? "connection" : "length";
  const head = {
    status: Number(status),
    reason,
    rawHeaders,
    length,
    keepsAlive: keepsAlive && framing !== "connection",
  };
  return { head, framing };
}

function fail(why: string): never {
  throw new AnswerError(`what a worker answered cannot be read: ${why}`);
}
