/**
 * How late the event loop was at worst since it was last asked. A timer of our own, because Node's `monitorEventLoopDelay`
 * forgets with each reset when it ticked last, and with that a delay which began soon after. It ticks only while there is
 * something to find: a loop that was hardly busy was not late by more, and waking it to see that cost more than all else
 * that an idle worker does.
 */
import { BEAT_INTERVAL_MS } from "../protocol/control.js";

const TICK_MS = 100;
/** Below this share of the time since the last question, nothing can have been late by more than a twentieth of it. */
const HARDLY_BUSY = 0.05;

export class EventLoopLag {
  #dueMs = 0;
  #worstMs = 0;
  #ticking: NodeJS.Timeout | undefined;

  constructor() {
    this.#begin();
  }

  /**
   * Takes what is late right now into account; to be called with each beat. `utilization` is the loop's since the last
   * time, 0 to 1. Of the first busy second after an idle one it knows only how late the beat itself was.
   */
  takeWorstMs(utilization: number): number {
    this.#note();
    const worstMs = this.#worstMs;
    this.#worstMs = 0;
    if (utilization < HARDLY_BUSY) this.#rest();
    else if (!this.#ticking) this.#begin();
    return worstMs;
  }

  #begin(): void {
    this.#dueMs = performance.now() + TICK_MS;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  #rest(): void {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    this.#dueMs = performance.now() + BEAT_INTERVAL_MS;
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
