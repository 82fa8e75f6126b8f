/**
 * Counting what is sent, so that what was lost is known. A *stream* is what every subscriber gets all of, in order: one
 * channel, or all broadcasts in classic mode. Each sender numbers its messages on each stream from one number to the next.
 */

export interface Place {
  readonly sequence: number;
  /** The first that this sender numbers here, as far as it remembers: nothing before it is missing. */
  readonly fresh: boolean;
  /** The number of the last before it here that the sender keeps (HostPart.number); 0: none is. Undefined: it cannot say. */
  readonly after: number | undefined;
}

interface Last {
  readonly sequence: number;
  /** Of the last that was kept, as `Place.after`. */
  readonly number: number | undefined;
}

/** What is missing before a message. */
export interface Gap {
  readonly missed: number;
  /** None of the missing is kept by a higher number. 0: none is kept. Infinity: nobody knows. */
  readonly upTo: number;
}

export const NO_GAP: Gap = { missed: 0, upTo: 0 };

/** Streams counted at a time; rooms have one each in sharded mode. The one used least recently is forgotten. */
const MAX_STREAMS = 20_000;
/** Senders remembered, over all streams: Redis may bring any number of invented ones. */
const MAX_SENDERS = 100_000;

export class SequenceCounter {
  readonly #last = new Map<string, Last>();
  readonly #limit: number;
  /** The stream at the end of the map already. */
  #latest: string | undefined;
  /** No stream that was forgotten has been counted further. */
  #forgotten = 0;
  #isFlowing = true;

  constructor(limit = MAX_STREAMS) {
    this.#limit = limit;
  }

  /** `number`: by which the message is kept; 0: nobody needs it later. Undefined: whoever hears it may. */
  next(stream: string, number: number | undefined): Place {
    const last = this.#last.get(stream);
    const after = last ? last.number : this.#isFlowing && this.#forgotten === 0 ? 0 : undefined;
    const sequence = (last?.sequence ?? this.#forgotten) + 1;
    if (stream !== this.#latest) this.#last.delete(stream);
    this.#last.set(stream, { sequence, number: this.#isFlowing ? lastKept(number, after) : undefined });
    this.#latest = stream;
    if (this.#last.size > this.#limit) this.#forgetOldest();
    return { sequence, fresh: last === undefined, after };
  }

  /** While what is written may be dropped before it leaves, and for what left just before, nobody can be told up to where. */
  setFlowing(isFlowing: boolean): void {
    const wasFlowing = this.#isFlowing;
    this.#isFlowing = isFlowing;
    if (isFlowing || !wasFlowing) return;
    for (const [stream, { sequence }] of this.#last) this.#last.set(stream, { sequence, number: undefined });
  }

  #forgetOldest(): void {
    const [stream, { sequence }] = this.#last.entries().next().value as [string, Last];
    this.#last.delete(stream);
    this.#forgotten = Math.max(this.#forgotten, sequence);
  }
}

export class SequenceCheck {
  readonly #lastByStream = new Map<string, Map<string, Last>>();
  readonly #limit: number;
  #senders = 0;

  constructor(limit = MAX_SENDERS) {
    this.#limit = limit;
  }

  /** What is missing of the sender's before this message; undefined when it is no newer than the last. */
  gapBefore(stream: string, sender: string, place: Place & Last): Gap | undefined {
    const lasts = this.#of(stream);
    const last = lasts.get(sender);
    const { sequence, number, after, fresh } = place;
    if (last !== undefined && sequence <= last.sequence) return undefined;
    lasts.set(sender, { sequence, number: lastKept(number, after) });
    if (last === undefined) this.#grow();
    const missed = fresh || last === undefined ? 0 : sequence - last.sequence - 1;
    if (missed === 0 || last === undefined) return NO_GAP;
    return { missed, upTo: upTo(after, last.number) };
  }

  /** Believes a sender that counts from an earlier number again. */
  restart(stream: string, sender: string, { sequence, number, after }: Place & Last): void {
    this.#of(stream).set(sender, { sequence, number: lastKept(number, after) });
  }

  forget(stream: string): void {
    this.#senders -= this.#lastByStream.get(stream)?.size ?? 0;
    this.#lastByStream.delete(stream);
  }

  #of(stream: string): Map<string, Last> {
    const lasts = this.#lastByStream.get(stream) ?? new Map<string, Last>();
    this.#lastByStream.set(stream, lasts);
    return lasts;
  }

  #grow(): void {
    this.#senders++;
    if (this.#senders > this.#limit) this.forget(this.#lastByStream.keys().next().value as string);
  }
}

function lastKept(number: number | undefined, after: number | undefined): number | undefined {
  return number === 0 ? after : number;
}

/** `after`: the last that was kept before the gap's end; `heard`: before its beginning. */
function upTo(after: number | undefined, heard: number | undefined): number {
  if (after === undefined) return Number.POSITIVE_INFINITY;
  return after > (heard ?? 0) ? after : 0;
}
