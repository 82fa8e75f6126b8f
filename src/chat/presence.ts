/**
 * The live count of the page: how many clients there are on all workers. Runs in each worker, and keeps no number of another
 * worker: while somebody watches it asks them all, at most once a second and one question at a time, so a worker that
 * died is not in the next answer, and nothing has to be expired. Knows neither adapter nor switch.
 */

export interface Census {
  /** The clients of this worker. */
  own(): number;
  /** What the other workers answer, in a time of its own; those that do not answer are left out. Never rejects. */
  others(): Promise<readonly unknown[]>;
}

export interface Watcher {
  emit(event: "presence", state: { count: number }): unknown;
  once(event: "disconnect", listener: () => void): unknown;
}

const PERIOD_MS = 1000;

export class Presence {
  readonly #census: Census;
  readonly #signal: AbortSignal;
  readonly #watchers = new Set<Watcher>();
  #count: number | undefined;
  #counting = false;

  /** Counting ends when `signal` aborts: a draining worker has nobody to tell for long. */
  constructor(census: Census, signal: AbortSignal) {
    this.#census = census;
    this.#signal = signal;
  }

  /** Tells the watcher the count now, if it is known, and whenever it has changed, until it disconnects. */
  watch(watcher: Watcher): void {
    // A client may say hello as often as it likes.
    if (!this.#watchers.has(watcher)) watcher.once("disconnect", () => this.#watchers.delete(watcher));
    this.#watchers.add(watcher);
    if (this.#count !== undefined) watcher.emit("presence", { count: this.#count });
    if (!this.#counting) void this.#keepCounting();
  }

  async #keepCounting(): Promise<void> {
    this.#counting = true;
    while (this.#watchers.size > 0 && !this.#signal.aborted) {
      const others = await this.#census.others();
      this.#tell(sum(this.#census.own(), others));
      await pause();
    }
    this.#counting = false;
    this.#count = undefined;
  }

  #tell(count: number): void {
    if (count === this.#count) return;
    this.#count = count;
    for (const watcher of this.#watchers) watcher.emit("presence", { count });
  }
}

/** Answers come from other processes, and not all need be of this program: what is no count is not counted. */
export function sum(own: number, others: readonly unknown[]): number {
  return others.filter(isCount).reduce((total, count) => total + count, own);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PERIOD_MS).unref();
  });
}
