/**
 * Another host's log, read from its stream as far as it is needed: what follows is read when it is asked for again, so that
 * of a host that has died each event is read once for all its clients. Runs in the primary. A gap, or what cannot be
 * believed, is told by the floor of the log: nothing from before it can be given to anybody.
 */
import { ProtocolError } from "../../../protocol/frame.js";
import { type Batch, readBatch } from "./batch.js";
import { Excerpt } from "./excerpt.js";
import type { Keys } from "./key.js";
import type { Seal } from "./seal.js";
import type { Store } from "./store.js";

export interface ReplicaParts {
  readonly store: Store;
  readonly keys: Keys;
  readonly seal: Seal;
  readonly maxBytes: number;
  onRefused(): void;
}

const BATCHES_PER_READ = 32;

export class Replica {
  readonly uid: string;
  readonly #parts: ReplicaParts;
  #excerpt = new Excerpt(1);
  /** Nothing from before this number was asked for. */
  #from = Number.POSITIVE_INFINITY;
  #readUpTo = "";
  #reading: Promise<unknown> = Promise.resolve();
  #queued: Promise<Excerpt> | undefined;
  #wanted = Number.POSITIVE_INFINITY;
  /** When it was last asked for. */
  usedAtMs = 0;

  constructor(uid: string, parts: ReplicaParts) {
    this.uid = uid;
    this.#parts = parts;
  }

  /** With all that follows the number, and is in the stream by now. */
  read(after: number): Promise<Excerpt> {
    this.usedAtMs = performance.now();
    // Whoever comes while one read is under way shares the next.
    this.#wanted = Math.min(this.#wanted, after + 1);
    this.#queued ??= this.#reading
      .catch(() => {})
      .then(() => {
        const first = this.#wanted;
        this.#wanted = Number.POSITIVE_INFINITY;
        this.#reading = this.#queued as Promise<Excerpt>;
        this.#queued = undefined;
        return this.#read(first);
      });
    return this.#queued;
  }

  async #read(first: number): Promise<Excerpt> {
    if (first < this.#from) this.#begin(first);
    while (await this.#readSome());
    return this.#excerpt;
  }

  /** More than is needed now, so that the next who needs a little more does not read all again. */
  #begin(first: number): void {
    const slack = this.#from === Number.POSITIVE_INFINITY ? 0 : this.#excerpt.log.last - first;
    this.#from = Math.max(1, first - slack);
    this.#excerpt = new Excerpt(this.#from);
    // With the last batch before, by which it is known that nothing is missing between.
    this.#readUpTo = `${this.#from - 1}`;
  }

  async #readSome(): Promise<boolean> {
    const { store, keys } = this.#parts;
    const key = keys.log(this.uid);
    const [found] = (await store.run([["XRANGE", key, this.#readUpTo, "+", "COUNT", BATCHES_PER_READ]])) as [
      [Buffer, Buffer[]][],
    ];
    for (const [id, [, bytes]] of found) {
      this.#take(key, id.toString("latin1"), bytes);
      this.#readUpTo = `(${id.toString("latin1")}`;
    }
    if (this.#excerpt.log.bytes > this.#parts.maxBytes) throw new RangeError("it is more than may be kept");
    return found.length === BATCHES_PER_READ;
  }

  #take(key: string, id: string, sealed: Buffer | undefined): void {
    const batch = this.#open(key, id, sealed);
    if (!batch) return this.#parts.onRefused();
    if (this.#excerpt.take(batch)) return;
    this.#excerpt = new Excerpt(batch.first, batch.sent);
    this.#excerpt.take(batch);
  }

  #open(key: string, id: string, sealed: Buffer | undefined): Batch | undefined {
    const bytes = sealed && this.#parts.seal.open(`${key} ${id}`, sealed);
    if (!bytes) return undefined;
    try {
      const batch = readBatch(bytes);
      return `${batch.first + batch.entries.length - 1}` === id.split("-")[0] ? batch : undefined;
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }
}
