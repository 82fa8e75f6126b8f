/**
 * Reads as much of a connection to a TLS port as the primary needs: that it is a ClientHello, or else that it is plain
 * HTTP, whose sender gets an answer it can read. Pure, fed with bytes as they come. What the hello says is the worker's.
 */
import type { Opening, Progress } from "./opening.js";
import { RequestLine } from "./request-line.js";

/** The head of a TLS record (RFC 8446, 5.1) and the type of the first message in it, as what each byte may be. */
const CLIENT_HELLO: readonly ((byte: number) => boolean)[] = [
  (type) => type === 22,
  (major) => major === 3,
  (minor) => minor <= 4,
  (lengthHigh) => lengthHigh <= 0x40,
  () => true,
  (message) => message === 1,
];
const HANDSHAKE = 22;

export class TlsOpening implements Opening {
  /** No request is known yet. */
  readonly target = "";
  #plain: RequestLine | undefined;

  get isHttp(): boolean {
    return this.#plain !== undefined;
  }

  read(bytes: Buffer): Progress {
    if (bytes[0] !== HANDSHAKE) this.#plain ??= new RequestLine();
    if (this.#plain) return readPlain(this.#plain, bytes);
    const seen = bytes.subarray(0, CLIENT_HELLO.length);
    if (!seen.every((byte, i) => CLIENT_HELLO[i]?.(byte))) return "alien";
    return seen.length === CLIENT_HELLO.length ? "complete" : "more";
  }
}

function readPlain(line: RequestLine, bytes: Buffer): Progress {
  switch (line.read(bytes)) {
    case "complete":
      return "plain";
    case "more":
      return "more";
    default:
      return "alien";
  }
}
