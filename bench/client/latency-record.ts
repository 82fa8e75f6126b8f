/** Collects waits and tells their percentiles, in µs. Runs in the load client. */
import { createHistogram } from "node:perf_hooks";
import type { Latency } from "./command.js";

/** CLOCK_MONOTONIC, the clock the bench app stamps its messages with. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export class LatencyRecord {
  readonly #histogram = createHistogram();

  since(startedUs: number): void {
    this.#histogram.record(Math.max(1, Math.round(monotonicUs() - startedUs)));
  }

  get summary(): Latency {
    return { p50Us: this.#histogram.percentile(50), p99Us: this.#histogram.percentile(99) };
  }
}
