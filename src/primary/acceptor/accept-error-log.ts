/** Errors of accept(2), most likely for want of descriptors: they come as fast as clients do, so they are counted. */
import { limiter } from "../../log/rate.js";

/** The part of a logger that the acceptor uses. */
export interface AcceptorLog {
  warn(fields: object, text: string): void;
}

const INTERVAL_MS = 10_000;

export class AcceptErrorLog {
  readonly #log: AcceptorLog;
  #count = 0;
  readonly #limit = limiter(INTERVAL_MS);

  constructor(log: AcceptorLog) {
    this.#log = log;
  }

  get count(): number {
    return this.#count;
  }

  /** Logs at most once in ten seconds. */
  add({ code }: NodeJS.ErrnoException): void {
    this.#count++;
    const hint = code === "EMFILE" || code === "ENFILE" ? ": out of file descriptors (ulimit -n)" : "";
    const fields = { event: "accept-error", code, total: this.#count };
    this.#limit(() => this.#log.warn(fields, `cannot accept connections${hint}`));
  }
}
