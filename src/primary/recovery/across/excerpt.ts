/**
 * What has been read of another host's stream from one number on, without a gap. It only grows: whoever has been given it
 * finds in it what was there then, whatever is read for others meanwhile. Runs in the primary; pure.
 */
import { EventLog } from "../event-log.js";
import { type Batch, isSent, type WorkerMark } from "./batch.js";
import type { Vector } from "./position-code.js";

export class Excerpt {
  readonly log: EventLog;
  /** Up to the floor of the log, the last that was the host's own. */
  readonly #sentBefore: number;
  #isBegun = false;
  #vector: Vector = new Map();
  #workers: ReadonlyMap<string, WorkerMark> = new Map();
  #lastSent: number;

  /** `sentBefore`: where nothing is known of what is before, it is left out. */
  constructor(first: number, sentBefore?: number) {
    this.log = new EventLog(first - 1);
    this.#sentBefore = sentBefore ?? Number.POSITIVE_INFINITY;
    this.#lastSent = sentBefore ?? 0;
  }

  /** Whether all that follows the number is here, as far as the host had written it when it was read. */
  isWhole(after: number): boolean {
    return this.#isBegun && this.log.last >= after && this.log.floor <= after;
  }

  /** As `isWhole`, for what the host itself has sent. */
  isWholeOfSent(after: number): boolean {
    return this.#isBegun && this.log.last >= after && Math.min(this.log.floor, this.#sentBefore) <= after;
  }

  /** Up to where the host has heard others, with the last entry here. */
  get vector(): Vector {
    return this.#vector;
  }

  /** The last that the host has sequenced of its own, and sent to the others. */
  get lastSent(): number {
    return this.#lastSent;
  }

  get workers(): ReadonlyMap<string, WorkerMark> {
    return this.#workers;
  }

  /** False: something is missing between. */
  take({ first, entries, vector, workers }: Batch): boolean {
    if (first > this.log.last + 1) return false;
    for (const entry of entries) {
      if (isSent(entry)) this.#lastSent = Math.max(this.#lastSent, entry.shared);
      // The first batch read may begin before what was asked for.
      if (entry.shared > this.log.last) this.log.append(entry, 0);
    }
    this.#isBegun = true;
    this.#vector = vector;
    this.#workers = workers;
    return true;
  }
}
