/** Counts what a worker refused or dropped, by name, and says so in the log at most once a second for each name. */
import { type Limiter, limiter } from "../log/rate.js";

export interface DropLog {
  warn(fields: object, text: string): void;
}

const LOG_INTERVAL_MS = 1_000;

export class DropCounter {
  readonly #log: DropLog;
  readonly #counts = new Map<string, number>();
  readonly #limiters = new Map<string, Limiter>();

  constructor(log: DropLog) {
    this.#log = log;
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** For what anybody outside can cause: only counted. `reason` is one of a few fixed names. */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  drop(reason: string, error?: unknown): void {
    this.count(reason);
    this.#limiterOf(reason)((suppressed) => {
      this.#log.warn({ event: "dropped", reason, suppressed, err: error }, `dropped: ${reason}`);
    });
  }

  #limiterOf(reason: string): Limiter {
    const known = this.#limiters.get(reason) ?? limiter(LOG_INTERVAL_MS);
    this.#limiters.set(reason, known);
    return known;
  }
}
