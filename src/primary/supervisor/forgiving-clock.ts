/**
 * The time by which the supervisor judges its workers: monotonic, and standing still while the primary itself did not
 * run (stopped, swapped out, blocked). Nobody is called late for what the primary was too late to read.
 */

/** The supervisor looks at the clock far more often than this; a longer gap is a pause of the primary. */
const LONGEST_GAP_MS = 1_000;

export class ForgivingClock {
  readonly #read: () => number;
  #seenMs: number;
  /** What has been taken out so far. */
  #forgivenMs = 0;

  constructor(read: () => number = () => performance.now()) {
    this.#read = read;
    this.#seenMs = read();
  }

  now(): number {
    const seenMs = this.#read();
    const gapMs = seenMs - this.#seenMs;
    if (gapMs > LONGEST_GAP_MS) this.#forgivenMs += gapMs;
    this.#seenMs = seenMs;
    return seenMs - this.#forgivenMs;
  }
}
