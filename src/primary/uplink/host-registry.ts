/**
 * The other Holdfast hosts, as far as they have told of themselves. Runs in the primary; pure. Age is counted in ticks, not
 * by a clock: a primary that itself stood still does not take the others for gone.
 */

/** Hosts announce themselves every two seconds; ticks are seconds. */
const MAX_SILENT_TICKS = 7;
/** Redis may bring any number of invented ones. */
export const MAX_HOSTS = 1_024;

export interface HostWord {
  readonly uid: string;
  readonly hostId: string;
  readonly release: string;
  readonly goodbye: boolean;
  /** How many workers serve each namespace. */
  readonly workers: ReadonlyMap<string, number>;
}

interface Host extends HostWord {
  silentTicks: number;
}

/** What has come of a word: a host that is new here, one that has gone, or nothing to tell. */
export type Change = "new" | "gone" | undefined;

export class HostRegistry {
  readonly #hosts = new Map<string, Host>();

  get size(): number {
    return this.#hosts.size;
  }

  heard(word: HostWord): Change {
    const isKnown = this.#hosts.has(word.uid);
    if (word.goodbye) return this.#hosts.delete(word.uid) ? "gone" : undefined;
    if (!isKnown && this.#hosts.size >= MAX_HOSTS) return undefined;
    this.#hosts.set(word.uid, { ...word, silentTicks: 0 });
    return isKnown ? undefined : "new";
  }

  /** A second has passed: the hosts that have been silent for too long, which are forgotten. */
  tick(): HostWord[] {
    const gone: HostWord[] = [];
    for (const host of this.#hosts.values()) {
      if (++host.silentTicks <= MAX_SILENT_TICKS) continue;
      this.#hosts.delete(host.uid);
      gone.push(host);
    }
    return gone;
  }

  /** It is dead; undefined when that is known already. */
  remove(uid: string): HostWord | undefined {
    const host = this.#hosts.get(uid);
    this.#hosts.delete(uid);
    return host;
  }

  /** What people call it; undefined for one that has not told of itself. */
  nameOf(uid: string): string | undefined {
    return this.#hosts.get(uid)?.hostId;
  }

  /** The uids of those that serve the namespace. */
  serving(namespace: string): string[] {
    return [...this.#hosts.values()].filter(({ workers }) => workers.get(namespace)).map(({ uid }) => uid);
  }

  /** How many workers of other hosts serve the namespace. */
  countWorkers(namespace: string): number {
    let count = 0;
    for (const { workers } of this.#hosts.values()) count += workers.get(namespace) ?? 0;
    return count;
  }
}
