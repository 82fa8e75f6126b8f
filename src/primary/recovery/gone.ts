/**
 * What is no longer kept, as far as it takes to tell whether a client would need it: of each worker the last event that has
 * gone. A client that has had that one has had all before it. Pure.
 */
import { isPast, type Place, type Position } from "../../protocol/cursor.js";

/** With more, the oldest is remembered as one of an unknown worker, which is past whoever has not got as far. */
const MAX_WORKERS = 16;
const UNKNOWN = "";

export class Gone {
  readonly #last = new Map<string, Place>();

  /** `floor`: anything up to this number may be gone. */
  constructor(floor: number) {
    if (floor > 0) this.#last.set(UNKNOWN, { worker: UNKNOWN, own: floor, shared: floor });
  }

  get shared(): number {
    let last = 0;
    for (const { shared } of this.#last.values()) last = Math.max(last, shared);
    return last;
  }

  add({ worker, own, shared }: Place): void {
    // The order in which they stand is that of going.
    this.#last.delete(worker);
    this.#last.set(worker, { worker, own, shared });
    if (this.#last.size > MAX_WORKERS) this.#forgetOldest();
  }

  /** Whether anything has gone that is past all of these. */
  isAnyPast(...positions: readonly Position[]): boolean {
    for (const place of this.#last.values()) {
      if (positions.every((position) => isPast(place, position))) return true;
    }
    return false;
  }

  #forgetOldest(): void {
    for (const [worker, place] of this.#last) {
      if (worker === UNKNOWN) continue;
      this.#last.delete(worker);
      const shared = Math.max(place.shared, this.#last.get(UNKNOWN)?.shared ?? 0);
      this.#last.set(UNKNOWN, { worker: UNKNOWN, own: shared, shared });
      return;
    }
  }
}
