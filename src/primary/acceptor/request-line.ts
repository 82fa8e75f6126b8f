/**
 * Reads as much of an HTTP request as the primary needs: the request target. Pure, fed with bytes as they come.
 * Strict where the worker's parser (llhttp) is lenient, so that what is not refused here means the same there: the
 * target it finds is the `req.url` of the worker, or the worker refuses the request.
 */
import { METHODS } from "node:http";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const DELETE = 0x7f;

const KNOWN_METHODS = new Set(METHODS);
/** Refuses what is no HTTP, TLS most likely, before it has sent a space. */
const METHOD_SO_FAR = /^[A-Z-]*$/;
const LONGEST_METHOD = Math.max(...METHODS.map((method) => method.length));

export type Progress = "more" | "complete" | "malformed";

export class RequestLine {
  /** The request target once it is complete: one character for each byte, as Node's `req.url`. */
  target = "";

  #method = "";
  #reading: "blank" | "method" | "target" = "blank";

  /** Reads on; bytes behind the target are not looked at. Nothing may be pushed after "complete" or "malformed". */
  push(chunk: Buffer): Progress {
    const from = this.#reading === "blank" ? this.#skipBlankLines(chunk) : 0;
    const to = this.#reading === "method" ? this.#readMethod(chunk, from) : from;
    if (to === undefined) return "malformed";
    return this.#reading === "target" ? this.#readTarget(chunk, to) : "more";
  }

  /** Blank lines before a request are allowed (RFC 9112, 2.2), and llhttp skips CR and LF in any order. */
  #skipBlankLines(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && (chunk[at] === CR || chunk[at] === LF)) at++;
    if (at < chunk.length) this.#reading = "method";
    return at;
  }

  /** Returns where the target begins, if it does in this chunk; undefined when this is not a method. */
  #readMethod(chunk: Buffer, from: number): number | undefined {
    const space = chunk.indexOf(SPACE, from);
    const to = space === -1 ? chunk.length : space;
    if (this.#method.length + to - from > LONGEST_METHOD) return undefined;
    this.#method += chunk.toString("latin1", from, to);
    if (!METHOD_SO_FAR.test(this.#method)) return undefined;
    if (space === -1) return to;
    this.#reading = "target";
    return KNOWN_METHODS.has(this.#method) ? space + 1 : undefined;
  }

  #readTarget(chunk: Buffer, from: number): Progress {
    let at = from;
    while (at < chunk.length && isVisible(chunk[at] as number)) at++;
    this.target += chunk.toString("latin1", from, at);
    if (at === chunk.length) return "more";
    // Anything but a space is HTTP/0.9, a bare line feed or a control character; no target means two spaces.
    return chunk[at] === SPACE && this.target !== "" ? "complete" : "malformed";
  }
}

function isVisible(byte: number): boolean {
  return byte > SPACE && byte !== DELETE;
}
