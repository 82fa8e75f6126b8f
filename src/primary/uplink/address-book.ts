/**
 * Where the other hosts take requests for their sessions, by host tag. Runs in the primary; pure. A host that has become
 * silent may only have lost Redis and serve on, so its address outlives its company by a minute: one that is gone refuses
 * connections, and that is known at once. While this host itself is without Redis nobody is forgotten.
 */
import { MAX_HOSTS } from "./host-registry.js";

/** Ticks are seconds. */
const MAX_SILENT_TICKS = 60;

export interface AddressWord {
  readonly uid: string;
  readonly goodbye: boolean;
  readonly tag: string;
  /** Empty: it has none, or none yet. */
  readonly address: string;
}

interface Entry {
  readonly uid: string;
  readonly address: string;
  silentTicks: number;
}

export class AddressBook {
  readonly #ownTag: string;
  readonly #entries = new Map<string, Entry>();

  constructor(ownTag: string) {
    this.#ownTag = ownTag;
  }

  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#entries].map(([tag, { address }]) => [tag, address]));
  }

  /** Whether it has changed. Who has told of a tag first has it: nobody takes another host's requests by a word. */
  heard({ uid, goodbye, tag, address }: AddressWord): boolean {
    const known = this.#entries.get(tag);
    if (tag === this.#ownTag || (known && known.uid !== uid)) return false;
    if (goodbye || address === "") return this.#entries.delete(tag);
    if (!known && this.#entries.size >= MAX_HOSTS) return false;
    this.#entries.set(tag, { uid, address, silentTicks: 0 });
    return known?.address !== address;
  }

  /** A second has passed with Redis at hand. Whether it has changed. */
  tick(): boolean {
    let changed = false;
    for (const [tag, entry] of this.#entries) {
      if (++entry.silentTicks > MAX_SILENT_TICKS) changed = this.#entries.delete(tag);
    }
    return changed;
  }
}
