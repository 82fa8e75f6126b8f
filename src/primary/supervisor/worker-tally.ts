/**
 * What workers have counted, by name, over all of them: what they dropped or refused, or what they did. A worker tells its
 * own count with each beat and takes it along when it dies; the sum must not fall then, so the last word of the dead is kept.
 */
export type Counts = Readonly<Record<string, number>>;

export class WorkerTally {
  readonly #prefix: string;
  readonly #retired = new Map<string, number>();

  /** What the names of the status begin with. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A worker is gone; this was its last word. */
  retire(counts: Counts | undefined): void {
    addTo(this.#retired, counts);
  }

  /** For the status, with the last words of those that live. */
  counters(living: readonly (Counts | undefined)[]): Record<string, number> {
    const total = new Map(this.#retired);
    for (const counts of living) addTo(total, counts);
    return Object.fromEntries([...total].map(([reason, count]) => [this.#nameOf(reason), count]));
  }

  /** `link-full-broadcast` becomes `workerDroppedLinkFullBroadcast`. */
  #nameOf(reason: string): string {
    return this.#prefix + reason.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
  }
}

function addTo(total: Map<string, number>, counts: Counts | undefined): void {
  for (const [reason, count] of Object.entries(counts ?? {})) total.set(reason, (total.get(reason) ?? 0) + count);
}
