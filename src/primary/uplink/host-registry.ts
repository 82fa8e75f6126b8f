/**
 * The other Holdfast hosts, as far as they have told of themselves. Runs in the primary; pure. Age is counted in ticks, not
 * by a clock: a primary that itself stood still does not take the others for gone.
 */

/** Hosts announce themselves every two seconds; ticks are seconds. */
const MAX_SILENT_TICKS = 7;
/** Redis may bring any number of invented ones. */
export const MAX_HOSTS = 1_024;
/** Likewise, of all hosts together; a host's word that would make it more is not heard. */
export const MAX_NAMESPACES_OF_ALL = 1_000_000;

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

/** What has come of a word: a host that is new here, one that has gone, none, for want of room, or nothing to tell. */
export type Change = "new" | "gone" | "ignored" | undefined;

export class HostRegistry {
  readonly #hosts = new Map<string, Host>();
  #namespaces = 0;

  get size(): number {
    return this.#hosts.size;
  }

  heard(word: HostWord): Change {
    if (word.goodbye) return this.remove(word.uid) ? "gone" : undefined;
    const known = this.#hosts.get(word.uid);
    const namespaces = this.#namespaces - (known?.workers.size ?? 0) + word.workers.size;
    if ((!known && this.#hosts.size >= MAX_HOSTS) || namespaces > MAX_NAMESPACES_OF_ALL) return "ignored";
    this.#namespaces = namespaces;
    this.#hosts.set(word.uid, { ...word, silentTicks: 0 });
    return known ? undefined : "new";
  }

  /** A second has passed: the hosts that have been silent for too long, which are forgotten. */
  tick(): HostWord[] {
    const gone: HostWord[] = [];
    for (const host of this.#hosts.values()) {
      if (++host.silentTicks <= MAX_SILENT_TICKS) continue;
      this.remove(host.uid);
      gone.push(host);
    }
    return gone;
  }

  /** It has gone; undefined when that is known already. */
  remove(uid: string): HostWord | undefined {
    const host = this.#hosts.get(uid);
    if (this.#hosts.delete(uid)) this.#namespaces -= host?.workers.size ?? 0;
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
