/**
 * Recovery across hosts: keeps in Redis what others would need of this host, gets from there what clients of others need
 * here, and tells that this host lives. Runs in the primary. With Redis away it does nothing, and recovery on this host
 * goes on from memory.
 */
import type { EventLog, Origin } from "../event-log.js";
import type { Refusal, Session } from "../session.js";
import type { SessionTable } from "../session-table.js";
import type { WorkerEnd } from "../worker-end.js";
import type { WorkerMark } from "./batch.js";
import { Conversation } from "./conversation.js";
import { Hearing } from "./hearing.js";
import { Journal } from "./journal.js";
import { isUid, type Keys, keysOf } from "./key.js";
import { Late } from "./late.js";
import { Replica } from "./replica.js";
import { Retrieval, type Retrieved, type Wanted } from "./retrieval.js";
import { Seal } from "./seal.js";
import type { Command, Run, Store } from "./store.js";

export interface AcrossParts<W extends WorkerEnd> {
  readonly store: Store;
  readonly epoch: string;
  readonly bufferBytes: number;
  readonly log: EventLog;
  readonly sessions: SessionTable<W>;
  /** 0 while no client can come back. */
  windowMs(): number;
  workers(): ReadonlyMap<string, WorkerMark>;
  handOver(pid: string, namespace: string, done: (refusal?: Refusal) => void): void;
  /** Others have given this session back while this host was away from Redis. */
  onTaken(session: Session<W>): void;
  /** Something that others have sent has not been heard. */
  onMissed(): void;
  onFailure(error: Error): void;
  /** From now on `onFlushed` is called at the end of each turn. */
  onBegun(): void;
  /** What was read in this turn has left for Redis, or cannot. */
  onFlushed(): void;
}

const BEAT_MS = 2_000;
/** A host that has not said for so long that it lives does not. */
const ALIVE_MS = 8_000;
/** What is kept outlasts the window: how far a quiet client has got is known by its pongs, which come every 25 s or so. */
const SLACK_MS = 60_000;
const REPLICA_MS = 30_000;
const FORGET_BEATS = 15;
const FENCE_MS = 3_000;
const FENCE = Buffer.from("fence");

export class Across<W extends WorkerEnd> {
  readonly #parts: AcrossParts<W>;
  readonly #keys: Keys;
  readonly #seal: Seal;
  readonly #journal: Journal<W>;
  readonly #retrieval: Retrieval;
  readonly #conversation: Conversation;
  readonly #late = new Late();
  readonly #hearing = new Hearing();
  readonly #replicas = new Map<string, Replica>();
  /** Sessions that were let go of, whose records are to be forgotten some time. */
  readonly #released = new Map<string, number>();
  readonly #beater = setInterval(() => this.#beat(), BEAT_MS).unref();
  readonly #counters = { recoveryStoreFailures: 0, recoveryStoreRefused: 0, recoveryHandedOver: 0, recoveryTaken: 0 };
  #beats = 0;
  #isResuming = false;
  #beginning: Promise<void> | undefined;
  #isBegun = false;
  /** How far the others are is known. */
  #hasBase = false;
  /** This host was away from Redis since. */
  #isMissing = false;
  #onFence: () => void = () => {};

  constructor(parts: AcrossParts<W>) {
    const { store, log, epoch, bufferBytes, sessions } = parts;
    this.#parts = parts;
    this.#keys = keysOf(store.prefix);
    this.#seal = new Seal(store.secret);
    const shared = { store, keys: this.#keys, seal: this.#seal };
    this.#journal = new Journal<W>({
      ...shared,
      ...{ log, epoch, bufferBytes, vector: this.#hearing.heard },
      workers: () => parts.workers(),
      sessions: () => sessions.all(),
      keepMs: () => parts.windowMs() + SLACK_MS,
      onFailure: (error) => this.#failed(error),
    });
    this.#conversation = new Conversation({
      ...shared,
      handOver: (pid, namespace, done) => parts.handOver(pid, namespace, done),
      onRefusedWord: () => this.#counters.recoveryStoreRefused++,
    });
    this.#retrieval = new Retrieval({
      ...shared,
      own: { uid: store.uid, log, heard: this.#hearing.heard },
      late: this.#late,
      journal: this.#journal,
      replica: (uid) => this.#replica(uid),
      ask: (owner, wanted) => this.#conversation.ask(owner, wanted),
      onRefusedRecord: () => this.#counters.recoveryStoreRefused++,
    });
    sessions.onChange = (session) => this.#journal.touch(session);
    sessions.onRemove = (session) => this.#journal.remove(session);
    store.listen({
      onConnect: (run) => this.#resume(run),
      onUp: (missed) => void this.#onUp(missed),
      onDown: () => this.#hearing.lose(),
      onMessage: (message) => this.#onMessage(message),
      onFlush: () => this.#journal.flush(),
      onFlushed: () => parts.onFlushed(),
    });
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#counters, ...this.#journal.counters };
  }

  /** Whether sessions may come and go between hosts at present. */
  get isWell(): boolean {
    return this.#journal.isWriting && this.#parts.store.isReady && !this.#isMissing;
  }

  get hasBegun(): boolean {
    return this.#isBegun;
  }

  /** Another host's event has been heard. */
  heard(origin: Origin): void {
    this.#hearing.hear(origin, performance.now());
  }

  /** Whether the log has to be told that something of that host has passed unheard. */
  hasToTell(uid: string, upTo: number): boolean {
    return this.#hearing.hasToTell(uid, upTo);
  }

  /** Who has it already. */
  exceptFor(origin: Origin, namespace: string): readonly string[] {
    return this.#late.exceptFor(origin, namespace);
  }

  async retrieve(wanted: Wanted): Promise<Retrieved | Refusal | "here"> {
    // The first clients come to a host that has just started before it has looked around.
    if (!this.isWell) await this.begin();
    return this.#retrieval.retrieve(wanted);
  }

  /** False: Redis cannot be told that it is let go of. */
  release(session: Session<W>): boolean {
    // How far this host has heard others is not known then.
    if (!this.#hearing.isSettled || !this.#journal.release(session)) return false;
    this.#counters.recoveryHandedOver++;
    this.#released.set(session.pid, performance.now());
    return true;
  }

  sweep(nowMs: number): void {
    this.#late.sweep(nowMs);
    for (const [uid, replica] of this.#replicas) if (nowMs - replica.usedAtMs > REPLICA_MS) this.#replicas.delete(uid);
    for (const [pid, atMs] of this.#released) {
      if (nowMs - atMs < this.#keepMs) break;
      this.#released.delete(pid);
      this.#journal.forget(pid);
    }
  }

  /** What is kept stays, for the clients that go to other hosts now. */
  close(): void {
    clearInterval(this.#beater);
    const { store } = this.#parts;
    if (!this.#journal.isWriting) return;
    this.#journal.also(...this.#keepOn(), ["DEL", this.#keys.alive(store.uid)]);
    this.#journal.beat();
    this.#journal.suspend();
  }

  get #keepMs(): number {
    return this.#parts.windowMs() + SLACK_MS;
  }

  #replica(uid: string): Replica {
    const known = this.#replicas.get(uid);
    if (known) return known;
    const { store, bufferBytes } = this.#parts;
    const onRefused = () => void this.#counters.recoveryStoreRefused++;
    const replica = new Replica(uid, {
      store,
      keys: this.#keys,
      seal: this.#seal,
      maxBytes: bufferBytes * 2,
      onRefused,
    });
    this.#replicas.set(uid, replica);
    return replica;
  }

  #beat(): void {
    const { store } = this.#parts;
    if (!store.isOpen || this.#parts.windowMs() === 0) return;
    if (!this.#journal.isWriting || this.#isMissing) return void this.begin();
    this.#journal.also(...this.#keepOn());
    this.#journal.beat();
    this.#hearOfTaken(store.run).catch((error: Error) => this.#failed(error));
    if (++this.#beats % FORGET_BEATS === 0) this.#forgetDead().catch((error: Error) => this.#failed(error));
  }

  /** Hosts of which nothing is left. */
  async #forgetDead(): Promise<void> {
    const { store } = this.#parts;
    const hosts = await this.#hosts();
    const left = await store.run(
      hosts.map((uid) => ["EXISTS", this.#keys.alive(uid), this.#keys.log(uid), this.#keys.sessions(uid)]),
    );
    const dead = hosts.filter((_, i) => left[i] === 0);
    if (dead.length > 0) await store.run([["HDEL", this.#keys.hosts, ...dead]]);
    const living = new Set(hosts.filter((uid) => !dead.includes(uid)));
    this.#hearing.forget(living, performance.now() - this.#keepMs);
  }

  /** The others. */
  async #hosts(): Promise<string[]> {
    const { store } = this.#parts;
    const [names] = (await store.run([["HKEYS", this.#keys.hosts]])) as [Buffer[]];
    return names.map((name) => name.toString("latin1")).filter((uid) => isUid(uid) && uid !== store.uid);
  }

  #keepOn(): Command[] {
    const { store, epoch } = this.#parts;
    const { uid } = store;
    const keepMs = this.#keepMs;
    return [
      ["SET", this.#keys.alive(uid), epoch, "PX", ALIVE_MS],
      ["HSET", this.#keys.hosts, uid, epoch],
      ["PEXPIRE", this.#keys.hosts, keepMs],
      ["PEXPIRE", this.#keys.log(uid), keepMs],
      ["PEXPIRE", this.#keys.sessions(uid), keepMs],
    ];
  }

  /** Clients can come back from now on. Resolves when they can come from other hosts, or cannot for now. */
  begin(): Promise<void> {
    this.#beginning ??= this.#begin().finally(() => {
      this.#beginning = undefined;
    });
    return this.#beginning;
  }

  async #begin(): Promise<void> {
    const { store, windowMs } = this.#parts;
    if (windowMs() === 0 || !store.isReady) return;
    try {
      await store.begin();
      this.#hasBegun();
      if (!this.#hasBase || this.#isMissing) await this.#lookAround();
      if (!this.#journal.isWriting) await this.#resume(store.run);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #hasBegun(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#parts.onBegun();
  }

  async #resume(run: Run): Promise<void> {
    if (this.#isResuming || !this.#hasBase || this.#parts.windowMs() === 0) return;
    this.#isResuming = true;
    try {
      // Its record would stand at two hosts, of which neither could give it back.
      this.#journal.suspend();
      await this.#hearOfTaken(run);
      this.#journal.also(...this.#keepOn());
      await this.#journal.resume(run);
    } catch (error) {
      this.#failed(error as Error);
    } finally {
      this.#isResuming = false;
    }
  }

  /** Sessions that others gave back while they believed this host dead, perhaps in the moment of its return. */
  async #hearOfTaken(run: Run): Promise<void> {
    const key = this.#keys.taken(this.#parts.store.uid);
    const askedAtMs = performance.now();
    const [names] = (await run([["HKEYS", key]])) as [Buffer[]];
    for (const name of names) {
      const session = this.#parts.sessions.find(name.toString("latin1"));
      // It may have come back here while Redis answered.
      if (!session || (session.resumedAtMs ?? 0) > askedAtMs) continue;
      this.#counters.recoveryTaken++;
      this.#parts.onTaken(session);
    }
    if (names.length > 0) await run([["HDEL", key, ...names]]);
  }

  /** Whether something has passed unheard, and for what hosts nothing has been heard yet, how far they are. */
  async #onUp(missed: boolean): Promise<void> {
    this.#isMissing ||= missed && this.#hasBase;
    if (!this.#isMissing) this.#hearing.settle();
    await this.begin();
  }

  /** What the others have sent so far is behind us, whether it was heard or not: what comes is counted on from there. */
  async #lookAround(): Promise<void> {
    const { store } = this.#parts;
    const { losses } = this.#hearing;
    const hosts = await this.#hosts();
    if (!this.#hasBase) {
      const lasts = await store.run(hosts.map((uid) => ["XREVRANGE", this.#keys.log(uid), "+", "-", "COUNT", 1]));
      await this.#fence();
      for (const [i, uid] of hosts.entries()) this.heard({ host: uid, number: numberOf(lasts[i]) });
    } else if (this.#isMissing) {
      const { heardBefore } = this.#hearing;
      const read = await Promise.all(hosts.map((uid) => this.#readSince(uid, heardBefore.get(uid) ?? 0)));
      await this.#fence();
      // What has been heard since may have been heard behind something that was not.
      const isMissed = read.some((one) => one.isMissed);
      if (isMissed) this.#parts.onMissed();
      for (const { uid, lastSent } of read) {
        this.heard({ host: uid, number: lastSent });
        if (isMissed) this.#hearing.tell(uid, lastSent);
      }
    }
    this.#hasBase = true;
    // What was missed since has yet to be looked for.
    if (losses !== this.#hearing.losses) return;
    this.#isMissing = false;
    this.#hearing.settle();
  }

  async #readSince(uid: string, bound: number): Promise<{ uid: string; lastSent: number; isMissed: boolean }> {
    try {
      const excerpt = await this.#replica(uid).read(bound);
      const { lastSent } = excerpt;
      return { uid, lastSent, isMissed: lastSent > bound || !excerpt.isWholeOfSent(bound) };
    } catch (error) {
      // It is more than may be kept here, and would be the next time.
      if (!(error instanceof RangeError)) throw error;
      this.#replicas.delete(uid);
      return { uid, lastSent: bound, isMissed: true };
    }
  }

  /** What was published before is heard before this comes back. */
  #fence(): Promise<void> {
    const { store } = this.#parts;
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error("Redis did not bring what this host told itself")), FENCE_MS);
      this.#onFence = () => {
        clearTimeout(deadline);
        resolve();
      };
      store.tell(store.uid, FENCE);
    });
  }

  #onMessage(message: Buffer): void {
    if (message.equals(FENCE)) this.#onFence();
    else this.#conversation.onMessage(message);
  }

  #failed(error: Error): void {
    this.#journal.suspend();
    this.#counters.recoveryStoreFailures++;
    this.#parts.onFailure(error);
  }
}

/** Of the last entry of a stream; 0 where there is none. */
function numberOf(found: unknown): number {
  const id = (found as [Buffer, unknown][])[0]?.[0].toString("latin1") ?? "0";
  const number = Number(id.split("-")[0]);
  return Number.isSafeInteger(number) ? number : 0;
}
