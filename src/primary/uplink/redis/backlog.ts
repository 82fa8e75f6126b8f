/** Messages that wait for Redis: bounded in bytes and age, the oldest dropped first. Pure. */

export interface Waiting {
  readonly channel: string;
  readonly message: Buffer | string;
  /** Monotonic. */
  readonly sinceMs: number;
}

export class Backlog {
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  /** In the order of publishing; those before `#first` have left. */
  #items: Waiting[] = [];
  #first = 0;
  #bytes = 0;
  droppedFull = 0;
  droppedOld = 0;

  constructor(limits: { readonly maxBytes: number; readonly maxAgeMs: number }) {
    this.#maxBytes = limits.maxBytes;
    this.#maxAgeMs = limits.maxAgeMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** False: it is larger than all that may wait, and was dropped itself. */
  add(item: Waiting): boolean {
    const bytes = bytesOf(item);
    if (bytes > this.#maxBytes) {
      this.droppedFull++;
      return false;
    }
    while (this.#bytes + bytes > this.#maxBytes) {
      this.#shift();
      this.droppedFull++;
    }
    this.#items.push(item);
    this.#bytes += bytes;
    return true;
  }

  expire(nowMs: number): void {
    while (this.length > 0 && nowMs - this.#oldest.sinceMs > this.#maxAgeMs) {
      this.#shift();
      this.droppedOld++;
    }
  }

  /** Offers all in order; what `take` does not want stays, in order. */
  offer(nowMs: number, take: (item: Waiting) => boolean): void {
    this.expire(nowMs);
    const items = this.#items.slice(this.#first);
    this.#items = [];
    this.#first = 0;
    this.#bytes = 0;
    for (const item of items) {
      if (take(item)) continue;
      this.#items.push(item);
      this.#bytes += bytesOf(item);
    }
  }

  get #oldest(): Waiting {
    return this.#items[this.#first] as Waiting;
  }

  #shift(): void {
    this.#bytes -= bytesOf(this.#oldest);
    this.#first++;
    // Moved rarely, so that dropping the oldest of many stays cheap.
    if (this.#first > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** What an entry costs beside its bytes, so that empty messages are bounded, too. */
const ENTRY_BYTES = 100;

export function bytesOf({ channel, message }: { readonly channel: string; readonly message: Buffer | string }): number {
  return ENTRY_BYTES + channel.length + message.length;
}
