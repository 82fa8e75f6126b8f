/**
 * Gets a session of another host for a client that has come here: finds it, claims it, has its host let go of it where that
 * lives, and reads what the client may have missed. Who claims first gets it. Whatever cannot be known refuses it. Runs in
 * the primary.
 */
import { positionOf, type Refusal, type Session } from "../session.js";
import { type Arrived, arrive, stateOf } from "./arrival.js";
import type { Excerpt } from "./excerpt.js";
import type { Journal } from "./journal.js";
import { isPid, isUid, type Keys } from "./key.js";
import type { Late } from "./late.js";
import { type Bound, boundOf, type OwnLog } from "./later.js";
import { readRecord, type SessionRecord } from "./record.js";
import type { Replica } from "./replica.js";
import type { Seal } from "./seal.js";
import type { Store } from "./store.js";

export interface Wanted {
  readonly pid: string;
  readonly namespace: string;
  readonly offset: string | undefined;
}

/** A session that is held for this host until it is kept or given up. */
export interface Retrieved {
  readonly record: SessionRecord;
  /** What it has missed up to now; what is heard from now on is not in it. */
  arrive(): (Arrived & Pick<Session, "ahead">) | Refusal;
  /** Its client has been let in: it is this host's. */
  keep(): void;
  giveUp(): void;
}

export interface RetrievalParts {
  readonly store: Store;
  readonly keys: Keys;
  readonly seal: Seal;
  readonly own: OwnLog;
  readonly late: Late;
  readonly journal: Pick<Journal<never>, "isWriting" | "also">;
  replica(uid: string): Replica;
  /** Has another host let go of the session; answers why not. */
  ask(owner: string, wanted: Wanted): Promise<Refusal | undefined>;
  onRefusedRecord(): void;
}

/** What has been read of a host's stream. */
interface Read {
  readonly uid: string;
  readonly excerpt: Excerpt;
}

interface Found {
  readonly owner: string;
  readonly hosts: readonly string[];
}

/** Longer than a client's way through the middlewares may take (src/worker/recovery/returning.ts). */
const CLAIM_MS = 50_000;
/** A claim that another has is waited for so long: the client's new worker waits for 5 s in all. */
const CLAIM_WITHIN_MS = 2_000;
const CLAIM_RETRY_MS = 50;
/** Of a host whose record has changed while its stream was read, and that nobody hears for all the same. */
const READINGS = 2;
/** More hosts than this are not asked. */
const MAX_HOSTS = 1_024;

export class Retrieval {
  readonly #parts: RetrievalParts;

  constructor(parts: RetrievalParts) {
    this.#parts = parts;
  }

  /** "here": no other host has it, and this one has not let go of it. */
  async retrieve(wanted: Wanted): Promise<Retrieved | Refusal | "here"> {
    const { store, journal, late } = this.#parts;
    if (!isPid(wanted.pid)) return "unknown";
    if (!store.isReady || !journal.isWriting || late.isFull) return "unreachable";
    try {
      return await this.#retrieve(wanted);
    } catch {
      return "unreachable";
    }
  }

  /** Who has claimed it may be the same client, whose connection broke while it was being let in. */
  async #retrieve(wanted: Wanted): Promise<Retrieved | Refusal | "here"> {
    const untilMs = performance.now() + CLAIM_WITHIN_MS;
    let owner: string | undefined;
    for (;;) {
      const found = await this.#find(wanted.pid);
      if (typeof found === "string") return found;
      owner ??= found.owner;
      // It has been let in.
      if (found.owner !== owner) return "taken";
      if (await this.#claim(wanted.pid)) return this.#takeClaimed(wanted, found);
      if (performance.now() > untilMs) return "taken";
      await new Promise((resolve) => setTimeout(resolve, CLAIM_RETRY_MS).unref());
    }
  }

  async #takeClaimed(wanted: Wanted, found: Found): Promise<Retrieved | Refusal | "here"> {
    try {
      const retrieved = await this.#take(wanted, found);
      if (typeof retrieved === "string") this.#unclaim(wanted.pid);
      return retrieved;
    } catch (error) {
      this.#unclaim(wanted.pid);
      throw error;
    }
  }

  async #find(pid: string): Promise<Found | Refusal> {
    const { store, keys } = this.#parts;
    const [names] = (await store.run([["HKEYS", keys.hosts]])) as [Buffer[]];
    const hosts = names.map((name) => name.toString("latin1")).filter(isUid);
    if (hosts.length === 0) return "unknown";
    if (hosts.length > MAX_HOSTS) return "unreachable";
    const there = await store.run(hosts.map((uid) => ["HEXISTS", keys.sessions(uid), pid]));
    const owners = hosts.filter((_, i) => there[i] === 1);
    // Redis has forgotten who took it from whom.
    if (owners.length > 1) return "unreachable";
    const [owner] = owners;
    return owner === undefined ? "unknown" : { owner, hosts };
  }

  async #claim(pid: string): Promise<boolean> {
    const { store, keys } = this.#parts;
    const key = keys.claim(pid);
    const [isOurs] = await store.run([["SET", key, store.uid, "NX", "PX", CLAIM_MS]]);
    if (isOurs) return true;
    const [holder] = (await store.run([["GET", key]])) as [Buffer | null];
    const before = holder?.toString("latin1") ?? "";
    if (!isUid(before) || before === store.uid || (await this.#isThere(before))) return false;
    const [isNext] = await store.run([["SET", keys.claim(pid, before), store.uid, "NX", "PX", CLAIM_MS]]);
    if (!isNext) return false;
    await store.run([["SET", key, store.uid, "PX", CLAIM_MS]]);
    return true;
  }

  #unclaim(pid: string): void {
    const { store, keys } = this.#parts;
    store.run([["DEL", keys.claim(pid)]]).catch(() => {});
  }

  /** Redis hears for a machine that has vanished until TCP gives up, so its sign of life has to be there as well. */
  async #isThere(uid: string): Promise<boolean> {
    const { store, keys } = this.#parts;
    const [isAlive] = await store.run([["EXISTS", keys.alive(uid)]]);
    return isAlive === 1 && (await store.isThere(uid));
  }

  async #take(wanted: Wanted, found: Found): Promise<Retrieved | Refusal | "here"> {
    const { store } = this.#parts;
    const { owner } = found;
    const record = await this.#record(owner, wanted);
    if (typeof record === "string") return record;
    if (record.release) return this.#read(wanted, found, record);
    if (owner === store.uid) return "here";
    return (await this.#isThere(owner)) ? this.#takeOfLiving(wanted, found) : this.#takeOfDead(wanted, found);
  }

  async #takeOfLiving(wanted: Wanted, found: Found): Promise<Retrieved | Refusal> {
    const refusal = await this.#parts.ask(found.owner, wanted);
    if (refusal) return refusal;
    const record = await this.#record(found.owner, wanted);
    if (typeof record === "string") return record;
    return record.release ? this.#read(wanted, found, record) : "unreachable";
  }

  /** Its record and its stream are read one after the other, so what it writes between would make them of two times. */
  async #takeOfDead(wanted: Wanted, found: Found): Promise<Retrieved | Refusal> {
    const { owner } = found;
    for (let reading = 0; reading < READINGS; reading++) {
      // It may have written more before it died.
      const sealed = await this.#sealed(owner, wanted.pid);
      const record = this.#open(owner, wanted, sealed);
      if (typeof record === "string") return record;
      const retrieved = await this.#read(wanted, found, record);
      // It was only cut off.
      if (await this.#isThere(owner)) return this.#takeOfLiving(wanted, found);
      const now = await this.#sealed(owner, wanted.pid);
      if (now && sealed?.equals(now)) return retrieved;
    }
    return "unreachable";
  }

  async #record(owner: string, wanted: Wanted): Promise<SessionRecord | Refusal> {
    return this.#open(owner, wanted, await this.#sealed(owner, wanted.pid));
  }

  async #sealed(owner: string, pid: string): Promise<Buffer | null> {
    const { store, keys } = this.#parts;
    const [sealed] = (await store.run([["HGET", keys.sessions(owner), pid]])) as [Buffer | null];
    return sealed;
  }

  #open(owner: string, { pid, namespace }: Wanted, sealed: Buffer | null): SessionRecord | Refusal {
    const { keys, seal, onRefusedRecord } = this.#parts;
    const key = keys.sessions(owner);
    if (!sealed) return "unknown";
    const bytes = seal.open(`${key} ${pid}`, sealed);
    try {
      const record = bytes && readRecord(bytes);
      if (record) return record.namespace === namespace ? record : "unknown";
    } catch {
      // Counted below.
    }
    onRefusedRecord();
    return "unknown";
  }

  async #read(wanted: Wanted, { owner, hosts }: Found, record: SessionRecord): Promise<Retrieved | Refusal> {
    const { store } = this.#parts;
    const { offset } = wanted;
    const anywhere = { epoch: record.epoch, shared: Number.POSITIVE_INFINITY, ownOf: () => Number.POSITIVE_INFINITY };
    const position = positionOf(record, offset, anywhere);
    if (typeof position === "string") return position;
    const replica = this.#parts.replica(owner);
    let theirs = await replica.read(position.shared);
    const state = stateOf(record, theirs.workers);
    if (!state) return "gone";
    const from = Math.min(position.shared, state.shared);
    if (from < position.shared) theirs = await replica.read(from);
    const at = record.release?.at ?? theirs.log.last;
    if (!theirs.isWhole(from) || theirs.log.last < at) return "gone";
    const bound = { owner, at, vector: record.release?.vector ?? theirs.vector, ahead: record.ahead };
    const others = await this.#readOthers(
      hosts.filter((uid) => uid !== store.uid && uid !== owner),
      bound,
    );
    if (!others) return "gone";
    return this.#hold(wanted, { bound, record, theirs, others });
  }

  /** Undefined: something of one of them may be missing. */
  async #readOthers(uids: readonly string[], bound: Bound): Promise<Read[] | undefined> {
    const { store, keys, replica } = this.#parts;
    const readOne = async (uid: string) => ({ uid, excerpt: await replica(uid).read(boundOf(bound, uid)) });
    const others = await Promise.all(uids.map(readOne));
    const lacking = others.filter(({ uid, excerpt }) => !excerpt.isWholeOfSent(boundOf(bound, uid)));
    if (lacking.length === 0) return others;
    // Nothing is left of a host that has been dead for longer than a client may be away.
    const left = await store.run(lacking.map(({ uid }) => ["EXISTS", keys.alive(uid), keys.log(uid)]));
    return left.every((count) => count === 0) ? others : undefined;
  }

  #hold(
    { pid, offset }: Wanted,
    {
      bound,
      record,
      theirs,
      others,
    }: { bound: Bound; record: SessionRecord; theirs: Excerpt; others: readonly Read[] },
  ): Retrieved {
    const { own, late } = this.#parts;
    return {
      record,
      arrive: () => {
        const read = bound.owner === own.uid ? others : [{ uid: bound.owner, excerpt: theirs }, ...others];
        const { log, workers } = theirs;
        const logs = read.map(({ uid, excerpt }) => ({ uid, log: excerpt.log }));
        const arrived = arrive({ bound, record, offset, log, workers, others: logs, own });
        if (typeof arrived === "string") return arrived;
        // Of the owner, the bound may be a number that it has not sent.
        const had = (uid: string) => (uid === bound.owner ? 0 : boundOf(bound, uid));
        const given = new Map(read.map(({ uid, excerpt }) => [uid, Math.max(excerpt.lastSent, had(uid))]));
        return { ...arrived, ahead: late.await(record, given, own.heard, performance.now()) };
      },
      keep: () => this.#keep(pid, bound.owner, record),
      giveUp: () => this.#unclaim(pid),
    };
  }

  #keep(pid: string, owner: string, { release }: SessionRecord): void {
    const { store, keys, journal } = this.#parts;
    // What was taken from this host has come back.
    journal.also(["DEL", keys.claim(pid)], ["HDEL", keys.taken(store.uid), pid]);
    if (owner === store.uid) return;
    journal.also(["HDEL", keys.sessions(owner), pid]);
    // It could not be asked, and is told should it live after all.
    if (!release)
      journal.also(["HSET", keys.taken(owner), pid, store.uid], ["PEXPIRE", keys.taken(owner), CLAIM_MS * 10]);
  }
}
