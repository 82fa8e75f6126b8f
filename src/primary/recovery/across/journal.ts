/**
 * Keeps in Redis, as it happens, what another host would need to give this host's sessions back: a stream of all that the
 * log holds, and a record of each session. What a turn has brought is written in one transaction, before anything of it is
 * published or relayed. It takes from the log, so what waits for Redis is bounded by the log; what the log has dropped
 * meanwhile is a gap in the stream, which readers see. Runs in the primary.
 */
import type { Entry, EventLog } from "../event-log.js";
import type { Holder, Session } from "../session.js";
import { isSent, type WorkerMark, writeBatch } from "./batch.js";
import type { Keys } from "./key.js";
import type { Vector } from "./position-code.js";
import { type Release, writeRecord } from "./record.js";
import type { Seal } from "./seal.js";
import type { Command, Run, Store } from "./store.js";
import { Trim } from "./trim.js";

export interface JournalParts<H extends Holder> {
  readonly store: Store;
  readonly keys: Keys;
  readonly seal: Seal;
  readonly log: EventLog;
  readonly epoch: string;
  readonly bufferBytes: number;
  /** How far others have been heard. */
  readonly vector: Vector;
  /** Those whose sessions can return. */
  workers(): ReadonlyMap<string, WorkerMark>;
  sessions(): Iterable<Session<H>>;
  /** How long what is kept is needed. */
  keepMs(): number;
  onFailure(error: Error): void;
}

const BATCH_BYTES = 1024 * 1024;
/** Past this much that Redis has not confirmed, what comes next waits in the log. */
const MAX_ON_THE_WAY_BYTES = 8 * 1024 * 1024;

export class Journal<H extends Holder> {
  readonly #parts: JournalParts<H>;
  readonly #dirty = new Set<Session<H>>();
  readonly #removed = new Set<string>();
  /** Those whose record stays although the session is not here any more. */
  readonly #released = new Set<string>();
  /** What is to be in the next transaction. */
  #beside: Command[] = [];
  /** Those that have a record there. */
  readonly #recorded = new Set<string>();
  readonly #trim: Trim;
  /** The entry to be written next; undefined: it is not known yet what is there. */
  #next: number | undefined;
  /** Batches with the same last entry are told apart by this. */
  #repeat = 0;
  /** The last entry written that is this host's own. */
  #sent = 0;
  #onTheWayBytes = 0;
  #batches = 0;
  #bytes = 0;

  constructor(parts: JournalParts<H>) {
    this.#parts = parts;
    this.#trim = new Trim(parts.bufferBytes);
  }

  get isWriting(): boolean {
    return this.#next !== undefined;
  }

  get counters(): Readonly<Record<string, number>> {
    return { recoveryStoreBatches: this.#batches, recoveryStoreBytes: this.#bytes };
  }

  touch(session: Session<H>): void {
    this.#removed.delete(session.pid);
    this.#released.delete(session.pid);
    this.#dirty.add(session);
  }

  remove(session: Session<H>): void {
    this.#dirty.delete(session);
    if (this.#recorded.delete(session.pid)) this.#removed.add(session.pid);
  }

  /**
   * Its record stays for whoever gives it back, and says up to where this host's events are in it. False: Redis cannot be
   * told.
   */
  release(session: Session<H>): boolean {
    const { log, vector, store } = this.#parts;
    if (this.#next === undefined || !store.isOpen) return false;
    this.#dirty.delete(session);
    this.#recorded.delete(session.pid);
    this.#released.add(session.pid);
    this.also(this.#recordOf(session, { at: log.last, vector }));
    this.#write(store.run);
    return true;
  }

  /** Of one that was released, unless it is here again. */
  forget(pid: string): void {
    if (this.#released.delete(pid)) this.#removed.add(pid);
  }

  /** Finds out what is there, and goes on from that. */
  async resume(run: Run): Promise<void> {
    this.#next = undefined;
    const { keys, store, log } = this.#parts;
    const [last, there] = (await run([
      ["XREVRANGE", keys.log(store.uid), "+", "-", "COUNT", 1],
      ["HKEYS", keys.sessions(store.uid)],
    ])) as [[Buffer, unknown][], Buffer[]];
    const [, number, repeat] = /^(\d{1,16})-(\d{1,16})$/.exec(last[0]?.[0].toString("latin1") ?? "0-0") ?? [];
    const isOurs = number !== undefined && Number(number) <= log.last;
    // Somebody else has written there, and nothing of ours could follow.
    if (!isOurs) await run([["DEL", keys.log(store.uid)]]);
    this.#next = Math.max(isOurs ? Number(number) + 1 : 1, log.first);
    // Which of those that are there are our own, or were, is not known any more.
    this.#sent = this.#next - 1;
    this.#repeat = isOurs ? Number(repeat) : 0;
    this.#recorded.clear();
    // A Redis that was restored has records of sessions that have ended since.
    const known = new Set([...this.#parts.sessions()].map(({ pid }) => pid));
    for (const pid of there.map((name) => name.toString("latin1")))
      if (!known.has(pid) && !this.#released.has(pid)) this.#removed.add(pid);
    for (const session of this.#parts.sessions()) this.#dirty.add(session);
    this.#write(run);
  }

  suspend(): void {
    this.#next = undefined;
  }

  /** To be carried out in the transaction that takes what is new. */
  also(...commands: readonly Command[]): void {
    this.#beside.push(...commands);
  }

  /** Writes what is new. */
  flush(): void {
    const { log, store } = this.#parts;
    if (this.#next === undefined || !store.isOpen || this.#onTheWayBytes > MAX_ON_THE_WAY_BYTES) return;
    const isNew = this.#dirty.size > 0 || this.#removed.size > 0 || this.#beside.length > 0;
    if (isNew || this.#next <= log.last) this.#write(store.run);
  }

  /** Also where nothing is new: how far others have been heard, and what workers have told of changes. */
  beat(): void {
    if (this.#next !== undefined && this.#parts.store.isOpen) this.#write(this.#parts.store.run);
  }

  #write(run: Run): void {
    const beside = this.#beside;
    this.#beside = [];
    const commands = this.#takeBatches();
    // What a record says is not to be ahead of the stream.
    if ((this.#next ?? 0) > this.#parts.log.last) commands.unshift(...this.#takeRecords());
    const bytes = commands.reduce((sum, command) => sum + sizeOf(command), 0);
    this.#onTheWayBytes += bytes;
    this.#bytes += bytes;
    // Behind what it may give a time to live to.
    this.#transact(run, [...commands, ...beside])
      .catch((error: Error) => {
        this.#next = undefined;
        this.#parts.onFailure(error);
      })
      .finally(() => {
        this.#onTheWayBytes -= bytes;
      });
  }

  async #transact(run: Run, commands: readonly Command[]): Promise<void> {
    const replies = await run([["MULTI"], ...commands, ["EXEC"]]);
    const answers = replies.at(-1);
    const failed = Array.isArray(answers) ? answers.find((answer) => answer instanceof Error) : undefined;
    if (failed || !Array.isArray(answers)) throw failed ?? new Error("Redis has not carried out a transaction");
  }

  #takeBatches(): Command[] {
    const { log } = this.#parts;
    const commands: Command[] = [];
    let bytes = 0;
    // What the log has dropped is a gap in the stream.
    let next = Math.max(this.#next ?? 0, log.first);
    if (next !== this.#next) this.#sent = next - 1;
    do {
      const entries = this.#entriesFrom(next);
      const command = this.#batchOf(next, entries);
      bytes += sizeOf(command);
      commands.push(command);
      next += entries.length;
    } while (next <= log.last && bytes < MAX_ON_THE_WAY_BYTES);
    this.#next = next;
    return commands;
  }

  #entriesFrom(number: number): Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#parts.log.from(number)) {
      entries.push(entry);
      if (entry.what.kind === "event") bytes += entry.what.frame.length;
      if (bytes >= BATCH_BYTES) break;
    }
    return entries;
  }

  #batchOf(first: number, entries: readonly Entry[]): Command {
    const { keys, store, seal, vector, keepMs } = this.#parts;
    const key = keys.log(store.uid);
    const last = first + entries.length - 1;
    this.#repeat = entries.length > 0 ? 0 : this.#repeat + 1;
    const id = `${last}-${this.#repeat}`;
    const batch = { first, sent: this.#sent, entries, vector, workers: this.#parts.workers() };
    this.#sent = entries.findLast(isSent)?.shared ?? this.#sent;
    const bytes = seal.close(`${key} ${id}`, writeBatch(batch));
    const nowMs = performance.now();
    this.#trim.appended(last, bytes.length, nowMs);
    const cut = this.#trim.cut(nowMs - keepMs());
    this.#batches++;
    return ["XADD", key, "MINID", "~", String(cut), id, "b", bytes];
  }

  #takeRecords(): Command[] {
    const { keys, store } = this.#parts;
    const records = [...this.#dirty].map((session) => {
      this.#recorded.add(session.pid);
      return this.#recordOf(session, undefined);
    });
    this.#dirty.clear();
    // The first record makes the hash anew, and this host may not live to its next beat.
    if (records.length > 0) records.push(["PEXPIRE", keys.sessions(store.uid), this.#parts.keepMs()]);
    if (this.#removed.size === 0) return records;
    const removed: Command = ["HDEL", keys.sessions(store.uid), ...this.#removed];
    this.#removed.clear();
    return [removed, ...records];
  }

  #recordOf(session: Session<H>, release: Release | undefined): Command {
    const { keys, store, seal, epoch } = this.#parts;
    const key = keys.sessions(store.uid);
    const { holder, away } = session;
    const pieces = writeRecord({ ...session, epoch, worker: holder.name, state: away?.state, release });
    return ["HSET", key, session.pid, seal.close(`${key} ${session.pid}`, pieces)];
  }
}

function sizeOf(command: Command): number {
  return command.reduce<number>((sum, each) => sum + (typeof each === "number" ? 8 : each.length), 0);
}
