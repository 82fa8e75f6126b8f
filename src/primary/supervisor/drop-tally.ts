/**
 * What workers have dropped or refused, by reason, over all of them. A worker tells its own count with each beat and takes
 * it along when it dies; the sum must not fall then, so the last word of the dead is kept.
 */
export type Drops = Readonly<Record<string, number>>;

export class DropTally {
  readonly #retired = new Map<string, number>();

  /** A worker is gone; this was its last word. */
  retire(drops: Drops | undefined): void {
    addTo(this.#retired, drops);
  }

  /** For the status, with the last words of those that live. */
  counters(living: readonly (Drops | undefined)[]): Record<string, number> {
    const total = new Map(this.#retired);
    for (const drops of living) addTo(total, drops);
    return Object.fromEntries([...total].map(([reason, count]) => [counterName(reason), count]));
  }
}

function addTo(total: Map<string, number>, drops: Drops | undefined): void {
  for (const [reason, count] of Object.entries(drops ?? {})) total.set(reason, (total.get(reason) ?? 0) + count);
}

/** `link-full-broadcast` becomes `workerDroppedLinkFullBroadcast`. */
function counterName(reason: string): string {
  return `workerDropped${reason.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}`;
}
