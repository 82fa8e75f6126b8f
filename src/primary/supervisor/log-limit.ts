/**
 * Lets a burst of log lines through and then one a second, so that workers that die in a loop do not fill the disk.
 * Pure but for its count.
 */

const REFILL_MS = 1_000;

export class LogLimit {
  readonly #burst: number;
  #left: number;
  #filledMs: number;
  #suppressed = 0;

  constructor(burst: number, nowMs: number) {
    this.#burst = burst;
    this.#left = burst;
    this.#filledMs = nowMs;
  }

  /** Undefined: say nothing. Otherwise the number of lines that were kept back since the last one. */
  pass(nowMs: number): number | undefined {
    this.#refill(nowMs);
    if (this.#left === 0) {
      this.#suppressed++;
      return undefined;
    }
    this.#left--;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }

  #refill(nowMs: number): void {
    const earned = Math.floor((nowMs - this.#filledMs) / REFILL_MS);
    this.#left = Math.min(this.#burst, this.#left + earned);
    this.#filledMs += earned * REFILL_MS;
  }
}
