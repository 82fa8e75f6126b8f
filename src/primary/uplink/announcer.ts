/**
 * When this host tells the others of itself: every two seconds, soon after what it serves has changed, at once when another
 * has come, and when it stops. Runs in the primary.
 */

/** Others forget a host that is silent for seven seconds. */
const INTERVAL_MS = 2_000;
/** Changes that come together are told together; the more there is to tell, the rarer. */
const PAUSE_MS = 20;
const BYTES_PER_MS = 1_000;

export class Announcer {
  readonly #announce: (goodbye: boolean) => number;
  readonly #interval: NodeJS.Timeout;
  #pending: NodeJS.Timeout | undefined;
  #lastBytes = 0;
  #stopped = false;

  /** `announce` gives the number of bytes that it took. */
  constructor(announce: (goodbye: boolean) => number) {
    this.#announce = announce;
    this.#interval = setInterval(() => this.now(), INTERVAL_MS);
  }

  soon(): void {
    this.#pending ??= setTimeout(() => this.now(), PAUSE_MS + this.#lastBytes / BYTES_PER_MS);
  }

  now(): void {
    if (this.#stopped) return;
    clearTimeout(this.#pending);
    this.#pending = undefined;
    this.#lastBytes = this.#announce(false);
  }

  stop(): void {
    clearTimeout(this.#pending);
    clearInterval(this.#interval);
    this.#stopped = true;
    this.#announce(true);
  }
}
