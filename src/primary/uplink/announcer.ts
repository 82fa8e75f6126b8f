/**
 * When this host tells the others of itself: every two seconds, at once when what it serves has changed or another host has
 * come, though not in a stream, and when it stops. Runs in the primary.
 */

/** Others forget a host that is silent for seven seconds. */
const INTERVAL_MS = 2_000;
/** Changes that follow each other are told together; the more there is to tell, the rarer. */
const PAUSE_MS = 20;
const BYTES_PER_MS = 1_000;

export class Announcer {
  readonly #announce: (goodbye: boolean) => number;
  readonly #interval: NodeJS.Timeout;
  #pending: NodeJS.Timeout | undefined;
  #notBeforeMs = 0;
  #stopped = false;

  /** `announce` gives the number of bytes that it took. */
  constructor(announce: (goodbye: boolean) => number) {
    this.#announce = announce;
    this.#interval = setInterval(() => this.now(), INTERVAL_MS);
  }

  soon(): void {
    const waitMs = this.#notBeforeMs - performance.now();
    if (waitMs <= 0) this.now();
    else this.#pending ??= setTimeout(() => this.now(), waitMs);
  }

  now(): void {
    if (this.#stopped) return;
    clearTimeout(this.#pending);
    this.#pending = undefined;
    const bytes = this.#announce(false);
    this.#notBeforeMs = performance.now() + PAUSE_MS + bytes / BYTES_PER_MS;
  }

  stop(): void {
    clearTimeout(this.#pending);
    clearInterval(this.#interval);
    this.#stopped = true;
    this.#announce(true);
  }
}
