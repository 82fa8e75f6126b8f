/**
 * Whether a pair of connections is alive, judged by a message to itself: published by one, it must come back on the other.
 * Told of each tick, it says which of the two is dead; a slow one that still makes progress is not. Pure.
 */

/** What the node sees at a tick; the counts only grow. */
export interface Sight {
  /** Messages that have been published and not confirmed. */
  readonly onTheWay: number;
  readonly confirmed: number;
  readonly heard: number;
}

export type Verdict = "well" | "publisher-dead" | "subscriber-dead" | "both-dead";

/** Ticks without any sign. */
const SILENT_TICKS = 3;
/** Ticks in which the two work and the probe does not come back: they are on different servers. */
const LOST_TICKS = 30;

export class Probe {
  #number = 0;
  #isOut = false;
  /** How many confirmations there are when Redis has taken the one that is out. */
  #takenAt = 0;
  #last: Sight = { onTheWay: 0, confirmed: 0, heard: 0 };
  #publisherSilent = 0;
  #subscriberSilent = 0;
  /** Ticks in which nothing was heard at all. */
  #deaf = 0;
  #lost = 0;

  /** The next one, to be sent now; undefined while one is out. Publishes are confirmed in their order. */
  next({ confirmed, onTheWay }: Sight): string | undefined {
    if (this.#isOut) return undefined;
    this.#isOut = true;
    this.#takenAt = confirmed + onTheWay + 1;
    return String(++this.#number);
  }

  /** It has come back, or belongs to connections that are gone. */
  reset(): void {
    this.#isOut = false;
    this.#publisherSilent = 0;
    this.#subscriberSilent = 0;
    this.#deaf = 0;
    this.#lost = 0;
  }

  /** True when it is the one that is out. */
  hear(text: string): boolean {
    const isAwaited = this.#isOut && text === String(this.#number);
    if (isAwaited) this.reset();
    return isAwaited;
  }

  judge(sight: Sight): Verdict {
    const confirms = sight.confirmed !== this.#last.confirmed;
    const hears = sight.heard !== this.#last.heard;
    const isDue = this.#isOut && sight.confirmed >= this.#takenAt;
    this.#last = sight;
    this.#publisherSilent = sight.onTheWay > 0 && !confirms ? this.#publisherSilent + 1 : 0;
    this.#subscriberSilent = isDue && !hears ? this.#subscriberSilent + 1 : 0;
    this.#deaf = hears ? 0 : this.#deaf + 1;
    this.#lost = isDue ? this.#lost + 1 : 0;
    // Other hosts announce themselves: a subscriber that is well hears them, also while nothing is published here.
    if (this.#publisherSilent >= SILENT_TICKS) return this.#deaf >= SILENT_TICKS ? "both-dead" : "publisher-dead";
    if (this.#subscriberSilent >= SILENT_TICKS) return "subscriber-dead";
    return this.#lost >= LOST_TICKS ? "both-dead" : "well";
  }
}
