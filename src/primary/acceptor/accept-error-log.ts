/** Errors of accept(2), most likely for want of descriptors: they come as fast as clients do, so they are counted. */

/** The part of a logger that the acceptor uses. */
export interface AcceptorLog {
  warn(fields: object, text: string): void;
}

const INTERVAL_MS = 10_000;

export class AcceptErrorLog {
  readonly #log: AcceptorLog;
  #count = 0;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(log: AcceptorLog) {
    this.#log = log;
  }

  get count(): number {
    return this.#count;
  }

  /** Logs at most once in ten seconds. */
  add(error: NodeJS.ErrnoException, nowMs: number): void {
    this.#count++;
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + INTERVAL_MS;
    const hint = error.code === "EMFILE" || error.code === "ENFILE" ? ": out of file descriptors (ulimit -n)" : "";
    this.#log.warn({ event: "accept-error", code: error.code, total: this.#count }, `cannot accept connections${hint}`);
  }
}
