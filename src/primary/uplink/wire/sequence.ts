/**
 * Counting what is sent, so that what was lost is known. A *stream* is what every subscriber gets all of, in order: one
 * channel, or all broadcasts in classic mode. Each sender numbers its messages on each stream from one number to the next.
 */

export interface Place {
  readonly sequence: number;
  /** The first that this sender numbers here, as far as it remembers: nothing before it is missing. */
  readonly fresh: boolean;
}

/** Streams counted at a time; rooms have one each in sharded mode. The one used least recently is forgotten. */
const MAX_STREAMS = 20_000;
/** Senders remembered, over all streams: Redis may bring any number of invented ones. */
const MAX_SENDERS = 100_000;

export class SequenceCounter {
  readonly #last = new Map<string, number>();
  readonly #limit: number;
  /** The stream at the end of the map already. */
  #latest: string | undefined;
  /** No stream that was forgotten has been counted further. */
  #forgotten = 0;

  constructor(limit = MAX_STREAMS) {
    this.#limit = limit;
  }

  next(stream: string): Place {
    const last = this.#last.get(stream);
    const sequence = (last ?? this.#forgotten) + 1;
    if (stream !== this.#latest) this.#last.delete(stream);
    this.#last.set(stream, sequence);
    this.#latest = stream;
    if (this.#last.size > this.#limit) this.#forgetOldest();
    return { sequence, fresh: last === undefined };
  }

  #forgetOldest(): void {
    const [stream, last] = this.#last.entries().next().value as [string, number];
    this.#last.delete(stream);
    this.#forgotten = Math.max(this.#forgotten, last);
  }
}

export class SequenceCheck {
  readonly #lastByStream = new Map<string, Map<string, number>>();
  readonly #limit: number;
  #senders = 0;

  constructor(limit = MAX_SENDERS) {
    this.#limit = limit;
  }

  /** How many of the sender's messages are missing before this one; undefined when it is no newer than the last. */
  missedBefore(stream: string, sender: string, { sequence, fresh }: Place): number | undefined {
    const lasts = this.#of(stream);
    const last = lasts.get(sender);
    if (last !== undefined && sequence <= last) return undefined;
    lasts.set(sender, sequence);
    if (last === undefined) this.#grow();
    return fresh || last === undefined ? 0 : sequence - last - 1;
  }

  /** Believes a sender that counts from an earlier number again. */
  restart(stream: string, sender: string, sequence: number): void {
    this.#of(stream).set(sender, sequence);
  }

  forget(stream: string): void {
    this.#senders -= this.#lastByStream.get(stream)?.size ?? 0;
    this.#lastByStream.delete(stream);
  }

  #of(stream: string): Map<string, number> {
    const lasts = this.#lastByStream.get(stream) ?? new Map<string, number>();
    this.#lastByStream.set(stream, lasts);
    return lasts;
  }

  #grow(): void {
    this.#senders++;
    if (this.#senders > this.#limit) this.forget(this.#lastByStream.keys().next().value as string);
  }
}
