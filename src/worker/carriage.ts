/**
 * Carries one request to another worker and its answer back, as bytes, with back-pressure both ways. What it knows of
 * HTTP is how a message begins and ends; it decides nothing about requests that fail.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type AnswerHead, AnswerReader } from "./answer-reader.js";
import { endToEnd, onward } from "./end-to-end.js";
import type { Carried, KeptConnection, KeptConnections } from "./kept-connections.js";

/** As Node's own client has it: what would not be sent on, an answer of our own says better. */
const UNSENDABLE_TARGET = /[^\u0021-\u00ff]/;
const UNSENDABLE_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** How a request gets to where its session is. */
export interface Way {
  readonly connections: KeptConnections;
  /** Names and values, in turn, that come before the request's own. */
  readonly headers: readonly string[];
}

export interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Nothing of an answer has been passed on. With the code of the connection's error, if it had one. */
  onFailure(code: string | undefined): void;
}

/** False: what the client sent is nothing to send on. */
export function carry({ connections, headers }: Way, passage: Passage): boolean {
  const head = headOf(passage.request, headers);
  if (head === undefined) return false;
  new Carriage(connections, passage, head).begin();
  return true;
}

class Carriage implements Carried {
  readonly #connections: KeptConnections;
  readonly #passage: Passage;
  readonly #reader: AnswerReader;
  #kept: KeptConnection | undefined;
  /** Of the request, until it has left; with the first of the body, in one write. */
  #head: Buffer | undefined;
  #isSent = false;
  #answer: AnswerHead | undefined;
  #isOver = false;

  constructor(connections: KeptConnections, passage: Passage, head: Buffer) {
    this.#connections = connections;
    this.#passage = passage;
    this.#head = head;
    this.#reader = new AnswerReader(passage.request.method, {
      onHead: (answer) => this.#begin(answer),
      onBody: (piece) => this.#pass(piece),
      onEnd: () => this.#end(),
    });
  }

  begin(): void {
    const { request, response } = this.#passage;
    this.#kept = this.#connections.take(this);
    if (!this.#kept) return this.#fail("EAGAIN");
    response.once("close", this.#abort);
    // A pipelined response that never got its turn has no 'close' of its own.
    request.socket.once("close", this.#abort);
    if (!hasBody(request)) return this.#finishRequest();
    request.on("data", this.#send);
    request.once("end", this.#finishRequest);
  }

  onBytes(bytes: Buffer): void {
    try {
      this.#reader.push(bytes);
    } catch (error) {
      // What comes behind a whole answer costs the connection, not the answer.
      if (this.#isOver) this.#kept?.socket.destroy();
      else this.#fail((error as NodeJS.ErrnoException).code);
    }
  }

  onDrain(): void {
    if (!this.#isSent) this.#passage.request.resume();
  }

  onLost(code: string | undefined): void {
    if (this.#isOver || (code === undefined && this.#reader.end())) return;
    this.#fail(code ?? "ECONNRESET");
  }

  readonly #send = (piece: Buffer): void => {
    const bytes = isChunked(this.#passage.request)
      ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, LINE_END])
      : piece;
    if (!this.#write(bytes)) this.#passage.request.pause();
  };

  readonly #finishRequest = (): void => {
    const { request } = this.#passage;
    this.#isSent = true;
    if (hasBody(request) && isChunked(request)) this.#write(LAST_CHUNK);
    else if (this.#head) this.#write(NOTHING);
  };

  #write(bytes: Buffer): boolean {
    const head = this.#head;
    this.#head = undefined;
    const { socket } = this.#kept as KeptConnection;
    return socket.write(head ? (bytes.length > 0 ? Buffer.concat([head, bytes]) : head) : bytes);
  }

  #begin(answer: AnswerHead): void {
    this.#answer = answer;
    this.#passage.response.writeHead(answer.status, answer.reason, endToEnd(answer.rawHeaders));
  }

  #pass(piece: Buffer): void {
    const { response } = this.#passage;
    // All of it: one write with the head.
    if (piece.length === this.#answer?.length) return void response.end(piece);
    if (response.write(piece)) return;
    const { socket } = this.#kept as KeptConnection;
    socket.pause();
    response.once("drain", () => socket.resume());
  }

  #end(): void {
    const { response } = this.#passage;
    const kept = this.#kept as KeptConnection;
    if (!response.writableEnded) response.end();
    this.#leave();
    if (this.#isSent && this.#answer?.keepsAlive && !kept.socket.isPaused()) this.#connections.giveBack(kept);
    else kept.socket.destroy();
  }

  #fail(code: string | undefined): void {
    const { response } = this.#passage;
    this.#leave();
    this.#kept?.socket.destroy();
    if (response.headersSent) response.destroy();
    else this.#passage.onFailure(code);
  }

  /** The client went away, or has its answer before all of its body was sent on: nobody needs the rest. */
  readonly #abort = (): void => {
    if (this.#isOver) return;
    this.#leave();
    this.#kept?.socket.destroy();
  };

  #leave(): void {
    const { request, response } = this.#passage;
    this.#isOver = true;
    response.off("close", this.#abort);
    request.socket.off("close", this.#abort);
    if (this.#isSent) return;
    request.off("data", this.#send);
    request.off("end", this.#finishRequest);
    request.pause();
  }
}

const NOTHING = Buffer.alloc(0);
const LINE_END = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** Undefined: Node would not send it. A body without framing would be read as the next request, so none has none. */
function headOf(request: IncomingMessage, headers: readonly string[]): Buffer | undefined {
  const { method, url = "" } = request;
  if (UNSENDABLE_TARGET.test(url)) return undefined;
  const all = onward(headers, request);
  let text = `${method} ${url} HTTP/1.1\r\n`;
  for (let i = 0; i < all.length; i += 2) {
    if (UNSENDABLE_VALUE.test(all[i + 1] as string)) return undefined;
    text += `${all[i]}: ${all[i + 1]}\r\n`;
  }
  if (isChunked(request)) text += "Transfer-Encoding: chunked\r\n";
  return Buffer.from(`${text}Connection: keep-alive\r\n\r\n`, "latin1");
}

function isChunked({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined;
}

function hasBody(request: IncomingMessage): boolean {
  return isChunked(request) || request.headers["content-length"] !== undefined;
}
