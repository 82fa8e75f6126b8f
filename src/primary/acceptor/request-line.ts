/**
 * Reads as much of an HTTP request as the primary needs: the request target. Pure, fed with bytes as they come.
 * Strict where the worker's parser (llhttp) is lenient, so that what is not refused here means the same there: the
 * target it finds is the `req.url` of the worker, or the worker refuses the request.
 */
import { METHODS } from "node:http";
import type { Opening, Progress } from "./opening.js";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const DELETE = 0x7f;

const KNOWN_METHODS = new Set(METHODS);
/** Refuses what is no HTTP, TLS most likely, before it has sent a space. */
const METHOD_SO_FAR = /^[A-Z-]*$/;
const LONGEST_METHOD = Math.max(...METHODS.map((method) => method.length));

export class RequestLine implements Opening {
  readonly isHttp = true;
  /** The request target once it is complete: one character for each byte, as Node's `req.url`. */
  target = "";

  #reading: "blank" | "method" | "target" = "blank";
  /** Where the method or the target begins, and how far has been looked. */
  #from = 0;
  #at = 0;

  /** Takes all bytes so far and goes on where it was; nothing is kept of them. Not after "complete" or "malformed". */
  read(bytes: Buffer): Progress {
    if (this.#reading === "blank") this.#skipBlankLines(bytes);
    if (this.#reading === "method" && !this.#readMethod(bytes)) return "malformed";
    return this.#reading === "target" ? this.#readTarget(bytes) : "more";
  }

  /** Blank lines before a request are allowed (RFC 9112, 2.2), and llhttp skips CR and LF in any order. */
  #skipBlankLines(bytes: Buffer): void {
    while (this.#at < bytes.length && (bytes[this.#at] === CR || bytes[this.#at] === LF)) this.#at++;
    this.#from = this.#at;
    if (this.#at < bytes.length) this.#reading = "method";
  }

  /** False when this is not a method. */
  #readMethod(bytes: Buffer): boolean {
    const space = bytes.indexOf(SPACE, this.#at);
    this.#at = space === -1 ? bytes.length : space;
    if (this.#at - this.#from > LONGEST_METHOD) return false;
    const method = bytes.toString("latin1", this.#from, this.#at);
    if (space === -1) return METHOD_SO_FAR.test(method);
    this.#reading = "target";
    this.#from = ++this.#at;
    return KNOWN_METHODS.has(method);
  }

  #readTarget(bytes: Buffer): Progress {
    while (this.#at < bytes.length && isVisible(bytes[this.#at] as number)) this.#at++;
    if (this.#at === bytes.length) return "more";
    // Anything but a space is HTTP/0.9, a bare line feed or a control character; no target means two spaces.
    if (bytes[this.#at] !== SPACE || this.#at === this.#from) return "malformed";
    this.target = bytes.toString("latin1", this.#from, this.#at);
    return "complete";
  }
}

function isVisible(byte: number): boolean {
  return byte > SPACE && byte !== DELETE;
}
