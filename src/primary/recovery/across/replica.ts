/**
 * Another host's log, read from its stream as far as it is needed: what follows is read when it is asked for again, so that
 * of a host that has died each event is read once for all its clients. Runs in the primary. A gap, or what cannot be
 * believed, is told by the floor of the log: nothing from before it can be given to anybody.
 */
import { ProtocolError } from "../../../protocol/frame.js";
import { type Entry, EventLog } from "../event-log.js";
import { type Batch, isSent, readBatch, type WorkerMark } from "./batch.js";
import type { Keys } from "./key.js";
import type { Vector } from "./position-code.js";
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
  #log: EventLog;
  #vector: Vector = new Map();
  #workers: ReadonlyMap<string, WorkerMark> = new Map();
  /** Nothing from before this number was asked for. */
  #from = Number.POSITIVE_INFINITY;
  #readUpTo = "";
  #end: number | undefined;
  #lastSent = 0;
  /** Up to the floor of the log, the last that was the host's own. */
  #sentBefore = Number.POSITIVE_INFINITY;
  #reading: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #wanted = Number.POSITIVE_INFINITY;
  /** When it was last asked for. */
  usedAtMs = 0;

  constructor(uid: string, parts: ReplicaParts) {
    this.uid = uid;
    this.#parts = parts;
    this.#log = new EventLog();
  }

  get log(): EventLog {
    return this.#log;
  }

  /** Whether all that follows the number is here, as far as the host had written it when it was read. */
  isWhole(after: number): boolean {
    return this.#end !== undefined && this.#end >= after && this.#log.floor <= after;
  }

  /** As `isWhole`, for what the host itself has sent. */
  isWholeOfSent(after: number): boolean {
    return this.#end !== undefined && this.#end >= after && Math.min(this.#log.floor, this.#sentBefore) <= after;
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

  /** Resolves when all that follows the number, and is in the stream by now, is here. */
  read(after: number): Promise<void> {
    this.usedAtMs = performance.now();
    // Whoever comes while one read is under way shares the next.
    this.#wanted = Math.min(this.#wanted, after + 1);
    this.#queued ??= this.#reading
      .catch(() => {})
      .then(() => {
        const first = this.#wanted;
        this.#wanted = Number.POSITIVE_INFINITY;
        this.#reading = this.#queued as Promise<void>;
        this.#queued = undefined;
        return this.#read(first);
      });
    return this.#queued;
  }

  async #read(first: number): Promise<void> {
    if (first < this.#from) this.#begin(first);
    while (await this.#readSome());
  }

  /** More than is needed now, so that the next who needs a little more does not read all again. */
  #begin(first: number): void {
    const slack = this.#from === Number.POSITIVE_INFINITY ? 0 : this.#log.last - first;
    this.#from = Math.max(1, first - slack);
    this.#log = new EventLog(this.#from - 1);
    this.#end = undefined;
    this.#sentBefore = Number.POSITIVE_INFINITY;
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
    if (this.#log.bytes > this.#parts.maxBytes) throw new RangeError("it is more than may be kept");
    return found.length === BATCHES_PER_READ;
  }

  #take(key: string, id: string, sealed: Buffer | undefined): void {
    const batch = this.#open(key, id, sealed);
    if (!batch) return this.#parts.onRefused();
    const { first, sent, entries, vector, workers } = batch;
    // The first batch read may begin before what was asked for.
    if (first > this.#log.last + 1) this.#beginAfterGap(first, sent);
    for (const entry of entries) if (entry.shared > this.#log.last) this.#append(entry);
    this.#end = this.#log.last;
    this.#vector = vector;
    this.#workers = workers;
  }

  #beginAfterGap(first: number, sent: number): void {
    this.#log = new EventLog(first - 1);
    this.#sentBefore = sent;
    this.#lastSent = Math.max(this.#lastSent, sent);
  }

  #append(entry: Entry): void {
    this.#log.append(entry, 0);
    if (isSent(entry)) this.#lastSent = entry.shared;
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
