/** Up to where a stream can be cut: what is older than it is needed, or more than may be kept. Pure: it is told the time. */

interface Stretch {
  last: number;
  bytes: number;
  readonly sinceMs: number;
}

/** What is appended within this is cut together. */
const STRETCH_MS = 500;
const STRETCH_BYTES = 1024 * 1024;

export class Trim {
  readonly #maxBytes: number;
  #stretches: Stretch[] = [];
  #bytes = 0;
  /** Nothing before this is needed. */
  #first = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  appended(last: number, bytes: number, nowMs: number): void {
    this.#bytes += bytes;
    const latest = this.#stretches.at(-1);
    if (latest && nowMs - latest.sinceMs < STRETCH_MS && latest.bytes < STRETCH_BYTES) {
      latest.last = last;
      latest.bytes += bytes;
    } else this.#stretches.push({ last, bytes, sinceMs: nowMs });
  }

  /** The first number to be kept. */
  cut(olderThanMs: number): number {
    let gone = 0;
    for (const { last, bytes, sinceMs } of this.#stretches.slice(0, -1)) {
      if (sinceMs + STRETCH_MS > olderThanMs && this.#bytes <= this.#maxBytes) break;
      this.#first = last + 1;
      this.#bytes -= bytes;
      gone++;
    }
    if (gone > 0) this.#stretches = this.#stretches.slice(gone);
    return this.#first;
  }
}
