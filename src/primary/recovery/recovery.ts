/**
 * Keeps, outside the workers, what a client needs to come back: its session from the connect on, and the events that it
 * may have missed. Runs in the primary, in the order in which the switch relays: what a worker has written before it died
 * has all been heard here when its end is. It knows frames and addresses, never an event's arguments, nor the switch.
 */
import { copyWithoutPacked } from "../../protocol/content.js";
import type { Position } from "../../protocol/cursor.js";
import { FrameReader, kindOf, ProtocolError, type RoomName } from "../../protocol/frame.js";
import { type Change, isRecoveryKind, RecoveryKind, readJoinedAt } from "../../protocol/recovery-frame.js";
import { Across } from "./across/across.js";
import type { Store } from "./across/store.js";
import { type Entry, EventLog } from "./event-log.js";
import { ForeignKeeping } from "./foreign-keeping.js";
import { RestoreDesk } from "./restore-desk.js";
import type { Session } from "./session.js";
import { SessionTable } from "./session-table.js";
import { answerMarks, join, marksOf, tellSafe, type Worker, workerOf } from "./worker.js";
import type { WorkerEnd, WorkerKeeping } from "./worker-end.js";

export interface RecoveryLimits {
  /** Tells the boots of this host apart. */
  readonly epoch: string;
  readonly bufferBytes: number;
}

const SWEEP_INTERVAL_MS = 1_000;
const MAX_SESSIONS = 1_000_000;
const NOTHING = Buffer.alloc(0);
/** No worker of this host: its events are past whoever has not got as far in the sequence. */
const FOREIGN = "";

export class Recovery {
  readonly #log = new EventLog();
  readonly #sessions = new SessionTable<Worker>();
  readonly #desk: RestoreDesk<Worker>;
  readonly #workers = new Set<Worker>();
  readonly #bufferBytes: number;
  readonly #sweeper = setInterval(() => this.sweep(performance.now()), SWEEP_INTERVAL_MS).unref();
  #windowMs = 0;
  #isOn = false;
  #across: Across<Worker> | undefined;
  readonly #epoch: string;
  #droppedEntries = 0;
  #droppedSessions = 0;
  #confirmed = 0;

  constructor({ epoch, bufferBytes }: RecoveryLimits) {
    this.#bufferBytes = bufferBytes;
    this.#epoch = epoch;
    this.#desk = new RestoreDesk<Worker>({
      epoch,
      log: this.#log,
      sessions: this.#sessions,
      windowMs: () => this.#windowMs,
      isThere: (worker) => this.#workers.has(worker),
      elsewhere: () => this.#across,
    });
  }

  /** Sessions may come from other hosts, and go there. To be called before the first link. */
  joinHosts(store: Store, onFailure: (error: Error) => void): void {
    // So that the cursor of one that has everything up to the first event is none of one that has nothing.
    this.#appendForeign({ namespace: "", rooms: [], what: { kind: "lost" } });
    this.#across = new Across<Worker>({
      store,
      epoch: this.#epoch,
      bufferBytes: this.#bufferBytes,
      log: this.#log,
      sessions: this.#sessions,
      windowMs: () => this.windowMs,
      workers: () => marksOf(this.#workers),
      handOver: (pid, namespace, done) => this.#desk.handOver(pid, namespace, done),
      onTaken: (session) => this.#desk.cut(session),
      onMissed: () => this.#appendLost(),
      onFailure,
      onBegun: () => answerMarks(this.#workers),
      onFlushed: () => tellSafe(this.#workers),
    });
  }

  /** Something that another host keeps by numbers up to that has passed unheard. */
  onGap(uid: string, upTo: number): void {
    if (this.#across?.hasToTell(uid, upTo)) this.#appendLost();
  }

  /** Nobody knows for whom it was. */
  #appendLost(): void {
    const namespaces = new Set<string>();
    for (const { namespace } of this.#sessions.all()) namespaces.add(namespace);
    for (const namespace of namespaces) this.#appendForeign({ namespace, rooms: [], what: { kind: "lost" } });
  }

  get status(): {
    readonly mode: "off" | "host" | "redis";
    readonly entries: number;
    readonly bytes: number;
    readonly sessions: number;
  } {
    const { entries, bytes } = this.#log;
    const mode = this.#isOn ? (this.#across?.isWell ? "redis" : "host") : "off";
    return { mode, entries, bytes: bytes + this.#sessions.bytes, sessions: this.#sessions.size };
  }

  get counters(): Readonly<Record<string, number>> {
    if (this.#windowMs === 0) return {};
    return {
      ...this.#desk.counters,
      recoveryClaims: this.#desk.claims,
      recoveryEntriesDropped: this.#droppedEntries,
      recoverySessionsDropped: this.#droppedSessions,
      recoveryConfirmations: this.#confirmed,
      ...this.#across?.counters,
    };
  }

  /** How long a client may be away; 0 while none can come back. */
  get windowMs(): number {
    return this.#isOn ? this.#windowMs : 0;
  }

  /** What others send to the room is no longer heard on this host. */
  unheard(namespace: string, room: RoomName): void {
    this.#appendForeign({ namespace, rooms: [room], what: { kind: "lost" } });
  }

  /** What comes from other hosts, which have sessions of their own. */
  readonly foreign = new ForeignKeeping({
    isOn: () => this.#isOn,
    across: () => this.#across,
    append: (entry) => this.#appendForeign(entry),
  });
  /** What comes of workers without recovery, as there are while a reload turns it on. */
  readonly #strangers = new ForeignKeeping({
    isOn: () => this.#isOn,
    across: () => undefined,
    append: (entry) => this.#appendForeign(entry),
  });

  /** The number of the last event kept. */
  get last(): number {
    return this.#log.last;
  }

  /** To be called for each link; what is returned hears of that link. */
  connect(end: WorkerEnd): WorkerKeeping {
    const worker = workerOf(end);
    this.#workers.add(worker);
    return {
      onFrame: (frame, readAt) => this.#onFrame(worker, frame, readAt),
      exceptFor: () => [],
      onBroadcast: (frame, namespace, rooms) => this.#onBroadcast(worker, frame, namespace, rooms),
      onCommand: (frame) => (worker.on ? this.#appendAnnounced(worker) : this.#strangers.onCommand(frame)),
      onGone: () => this.#onGone(worker),
    };
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#across?.close();
    this.#desk.close();
  }

  /** Forgets what is over, and tells the workers how far they have got where nothing else does. */
  sweep(nowMs: number): void {
    if (this.#windowMs === 0) return;
    this.#log.dropOlderThan(nowMs - this.#windowMs);
    for (const session of this.#sessions.awaySince(nowMs - this.#windowMs)) this.#desk.expire(session);
    this.#keepWithin();
    this.#offIfNobodyCanReturn();
    this.#across?.sweep(nowMs);
    for (const worker of this.#workers) this.#tellReached(worker);
  }

  /** With all workers gone for a moment, what other hosts send meanwhile is still due to those who were theirs. */
  #offIfNobodyCanReturn(): void {
    if (this.#sessions.size === 0) this.#isOn = [...this.#workers].some(({ on }) => on);
  }

  #tellReached(worker: Worker): void {
    if (!worker.on || worker.told === this.#log.last) return;
    worker.told = this.#log.last;
    worker.frame(RecoveryKind.reached).count(this.#log.last).end();
    worker.flush();
  }

  #onBroadcast(worker: Worker, frame: Buffer, namespace: string, rooms: readonly RoomName[]): number | undefined {
    this.#appendAnnounced(worker);
    if (!worker.on) return this.#strangers.onBroadcast(frame, namespace, rooms);
    if (!worker.numbered) return undefined;
    worker.numbered = false;
    return this.#append(worker, { namespace, rooms, what: { kind: "event", frame: copyWithoutPacked(frame) } });
  }

  #appendForeign(entry: Omit<Entry, "worker" | "own" | "shared">): number {
    // Counted as the sequence is, so that what comes of one is behind another in both.
    return this.#keep({ ...entry, worker: FOREIGN, own: this.#log.last + 1 });
  }

  /** Also where the command was dropped in the worker: away sessions are changed all the same. */
  #appendAnnounced(worker: Worker): number | undefined {
    const { announced } = worker;
    worker.announced = undefined;
    return announced && this.#append(worker, announced);
  }

  #append(worker: Worker, entry: Omit<Entry, "worker" | "own" | "shared">): number {
    worker.own++;
    return this.#keep({ ...entry, worker: worker.name, own: worker.own });
  }

  #keep(entry: Omit<Entry, "shared">): number {
    const number = this.#log.append(entry, performance.now());
    if (this.#isFull) this.#keepWithin();
    return number;
  }

  get #isFull(): boolean {
    return this.#log.bytes + this.#sessions.bytes > this.#bufferBytes;
  }

  #keepWithin(): void {
    while (this.#isFull && this.#log.dropOldest()) this.#droppedEntries++;
    for (let session = this.#sessions.longestAway; this.#isFull && session; session = this.#sessions.longestAway) {
      if (!this.#desk.expire(session)) return;
      this.#droppedSessions++;
    }
  }

  #onGone(worker: Worker): void {
    this.#workers.delete(worker);
    this.#appendAnnounced(worker);
    const nowMs = performance.now();
    for (const session of this.#sessions.connectedTo(worker)) this.#leave(worker, session, nowMs);
    this.#desk.onWorkerGone(worker);
    this.#offIfNobodyCanReturn();
  }

  #leave(worker: Worker, session: Session<Worker>, nowMs: number): void {
    const state = { worker: worker.name, own: worker.own, shared: worker.changed };
    this.#sessions.leave(session, state, nowMs);
    this.#desk.onAway(session);
  }

  #onFrame(worker: Worker, frame: Buffer, readAt: number): void {
    const kind = kindOf(frame);
    if (!isRecoveryKind(kind)) throw new ProtocolError(`kind ${kind} is not of recovery`);
    this.#appendAnnounced(worker);
    const read = new FrameReader(frame);
    switch (kind) {
      case RecoveryKind.on:
        return this.#turnOn(worker, read.count());
      case RecoveryKind.numbered:
        worker.numbered = true;
        return;
      case RecoveryKind.mark:
        worker.marked = Math.max(worker.marked, read.count());
        return;
      case RecoveryKind.change:
        return this.#onChange(worker, read);
      case RecoveryKind.kept:
        return this.#onKept(worker, read.rest());
      case RecoveryKind.changed:
        return this.#onChanged(worker, read.count());
      case RecoveryKind.lost:
        return this.#onLost(worker, read);
      case RecoveryKind.open:
        return this.#onOpen(worker, read, readAt);
      case RecoveryKind.restore:
        return this.#onRestore(worker, read);
      case RecoveryKind.resumed:
        return this.#onResumed(worker, read);
      case RecoveryKind.released:
        return this.#desk.release(worker, read.number());
      case RecoveryKind.join:
      case RecoveryKind.leave:
      case RecoveryKind.data:
      case RecoveryKind.confirmed:
      case RecoveryKind.away:
      case RecoveryKind.end: {
        const session = this.#sessions.of(worker, read.number());
        return session && this.#onSession(worker, session, kind, read, readAt);
      }
      default:
        throw new ProtocolError(`kind ${kind} from a worker`);
    }
  }

  #onSession(worker: Worker, session: Session<Worker>, kind: number, read: FrameReader, readAt: number): void {
    switch (kind) {
      case RecoveryKind.join: {
        const at = { worker: worker.name, own: read.count(), shared: read.count() };
        return this.#sessions.change(session, () => join(session.rooms, read, at, readAt));
      }
      case RecoveryKind.leave:
        return this.#sessions.change(session, () => {
          for (const room of read.rooms()) session.rooms.delete(room);
        });
      case RecoveryKind.data:
        return this.#sessions.change(session, () => {
          session.data = Buffer.from(read.rest());
        });
      case RecoveryKind.confirmed:
        this.#confirmed++;
        return this.#sessions.change(session, () => {
          session.confirmed = { worker: worker.name, own: read.count(), shared: read.count() };
        });
      case RecoveryKind.away:
        this.#onChanged(worker, read.count());
        return this.#leave(worker, session, performance.now());
      case RecoveryKind.end:
        return this.#desk.end(session);
    }
  }

  #turnOn(worker: Worker, windowMs: number): void {
    worker.on = true;
    this.#isOn = true;
    this.#windowMs = windowMs;
    // What was before is told in one number, so that its clients' cursors name it.
    this.#tellReached(worker);
    if (this.#across?.hasBegun) answerMarks([worker]);
    void this.#across?.begin();
  }

  #onChange(worker: Worker, read: FrameReader): void {
    const change = read.byte() as Change;
    const { namespace, rooms, except } = read.address();
    const into = read.rooms();
    worker.announced = { namespace, rooms, what: { kind: "change", change, except, into } };
  }

  #onKept(worker: Worker, frame: Buffer): void {
    const read = new FrameReader(frame);
    read.number();
    const { namespace, rooms } = read.address();
    worker.announced = { namespace, rooms, what: { kind: "event", frame: Buffer.from(frame) } };
  }

  #onChanged(worker: Worker, shared: number): void {
    if (shared > this.#log.last) throw new ProtocolError("it has got what was never sent");
    worker.changed = Math.max(worker.changed, shared);
  }

  #onLost(worker: Worker, read: FrameReader): void {
    const { namespace, rooms } = read.address();
    this.#append(worker, { namespace, rooms, what: { kind: "lost" } });
  }

  #onOpen(worker: Worker, read: FrameReader, readAt: number): void {
    if (!worker.on) throw new ProtocolError("a session before recovery is on");
    const number = read.number();
    const namespace = read.text();
    const parent = read.text();
    const pid = read.text();
    const id = read.text();
    const offsetBefore = read.text();
    const at: Position = { worker: worker.name, own: read.count(), shared: read.count() };
    const rooms = new Map<RoomName, Position>();
    join(rooms, read, at, readAt);
    if (this.#sessions.of(worker, number)) throw new ProtocolError(`session ${number} is open already`);
    if (this.#sessions.size > MAX_SESSIONS) throw new ProtocolError("too many sessions");
    const since = { ...at, shared: Math.max(at.shared, readAt) };
    const about = { pid, id, namespace, parent, offsetBefore, data: NOTHING, ahead: new Map<string, number>() };
    const position = { base: at, start: at, confirmed: undefined, resumedAtMs: undefined, away: undefined };
    this.#sessions.add({ ...about, holder: worker, number, rooms, since, ...position });
  }

  #onResumed(worker: Worker, read: FrameReader): void {
    const session = this.#desk.resume(worker, read.number(), read.number());
    if (!session) return;
    this.#sessions.change(session, () => {
      for (const room of read.rooms()) session.rooms.delete(room);
      for (const { room, own, shared } of readJoinedAt(read))
        session.rooms.set(room, { worker: worker.name, own, shared });
    });
  }

  #onRestore(worker: Worker, read: FrameReader): void {
    const id = read.number();
    const namespace = read.text();
    const pid = read.text();
    const offset = read.byte() === 1 ? read.text() : undefined;
    this.#desk.ask(worker, { id, namespace, pid, offset }, performance.now());
  }
}
