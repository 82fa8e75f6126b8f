/**
 * How late the event loop was at worst since it was last asked. A timer of our own, because Node's `monitorEventLoopDelay`
 * forgets with each reset when it ticked last, and with that a delay which began soon after.
 */

const TICK_MS = 100;

export class EventLoopLag {
  #dueMs = performance.now() + TICK_MS;
  #worstMs = 0;

  constructor() {
    setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Takes what is late right now into account. */
  takeWorstMs(): number {
    this.#note();
    const worstMs = this.#worstMs;
    this.#worstMs = 0;
    return worstMs;
  }

  #tick(): void {
    this.#note();
    this.#dueMs = performance.now() + TICK_MS;
  }

  /** What was noted is not late any more. */
  #note(): void {
    const nowMs = performance.now();
    this.#worstMs = Math.max(this.#worstMs, nowMs - this.#dueMs);
    this.#dueMs = Math.max(this.#dueMs, nowMs);
  }
}
