/**
 * Where sessions are asked back. A session that is still connected is taken over: its old worker is told to close it, and
 * the answer waits until that one has said all it had to say. Whoever gets an answer holds the session until its client
 * has been let in or not. Runs in the primary.
 */
import type { Position } from "../../protocol/cursor.js";
import { RecoveryKind, type Replayed } from "../../protocol/recovery-frame.js";
import type { Retrieved } from "./across/retrieval.js";
import { type Claim, Claims, type Offer, type Request } from "./claims.js";
import type { EventLog } from "./event-log.js";
import { type Missed, missedBy } from "./missed.js";
import { isForeign, positionOf, type Refusal, type Session } from "./session.js";
import type { SessionTable } from "./session-table.js";
import type { WorkerEnd } from "./worker-end.js";

/** Told once; with why not, where that is so. */
export type HandedOver = (refusal?: Refusal) => void;

interface AskedBy extends WorkerEnd {
  readonly own: number;
}

/** Where sessions are that are not of this host. */
export interface Elsewhere {
  /** "here": no other host has it. */
  retrieve(wanted: Pick<Request, "pid" | "namespace" | "offset">): Promise<Retrieved | Refusal | "here">;
  /** False: it has to stay. */
  release(session: Session): boolean;
}

interface Desk<W extends AskedBy> {
  readonly epoch: string;
  readonly log: EventLog;
  readonly sessions: SessionTable<W>;
  windowMs(): number;
  /** Whether its link is there. */
  isThere(worker: W): boolean;
  /** Undefined: this host is alone. */
  elsewhere(): Elsewhere | undefined;
}

/** The worker itself waits a little longer, see src/worker/recovery/. */
export const ANSWER_WITHIN_MS = 4_000;
/** A worker whose link is this far behind gets its answer later. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 20;
/**
 * Of two that come at once, the second is not to throw out the first; a client that comes back has waited longer. Unless its
 * connection broke while it was being let in: so the second waits for the end of the first, for as long as for any answer.
 */
const AT_ONCE_MS = 100;
/** As that, where the client has come to another host. */
const HAND_OVER_WITHIN_MS = 2_000;
/** Of workers that are gone, so many are remembered. */
const MAX_GONE = 256;

export class RestoreDesk<W extends AskedBy> {
  readonly #desk: Desk<W>;
  readonly #claims = new Claims<W>();
  /** Sessions that come from other hosts, until their clients have been let in or not. */
  readonly #retrieved = new Map<Session<W>, Retrieved>();
  /** Sessions that another host has asked for, until their old connections are gone. */
  readonly #leaving = new Map<Session<W>, HandedOver>();
  /** Who asked for a session that had just been given back to somebody. It may be the same client, cut off meanwhile. */
  #late: Request<W>[] = [];
  readonly #refused = new Map<Refusal, number>();
  /** Of each worker whose end has been heard, how far its own events went, while a session may name it. */
  readonly #ownOfGone = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #recovered = 0;
  #replayed = 0;

  constructor(desk: Desk<W>) {
    this.#desk = desk;
  }

  get claims(): number {
    return this.#claims.size;
  }

  get counters(): Readonly<Record<string, number>> {
    const refused = [...this.#refused].map(([why, count]) => [`recoveryRefused-${why}`, count]);
    return {
      recoveryRecovered: this.#recovered,
      recoveryReplayed: this.#replayed,
      ...Object.fromEntries(refused),
    };
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  ask(holder: W, asked: Omit<Request, "holder" | "deadlineMs">, nowMs: number): void {
    this.#attend({ ...asked, holder, deadlineMs: nowMs + ANSWER_WITHIN_MS });
    this.#arm();
  }

  /** The session's client has been let in. */
  resume(holder: W, id: number, number: number): Session<W> | undefined {
    const claim = this.#claims.held(holder, id);
    if (!claim?.offer) return undefined;
    const { session, offer } = claim;
    this.#recovered++;
    session.base = offer.base;
    session.start = offer.start;
    session.confirmed = undefined;
    session.offsetBefore = claim.request.offset ?? "";
    session.resumedAtMs = performance.now();
    this.#take(session, holder, number, offer.rooms);
    this.#late.push(...this.#claims.settle(claim));
    return session;
  }

  #take(session: Session<W>, holder: W, number: number, rooms: Offer["rooms"]): void {
    const { sessions } = this.#desk;
    const retrieved = this.#retrieved.get(session);
    if (retrieved) {
      this.#retrieved.delete(session);
      sessions.add(Object.assign(session, { rooms, holder, number, away: undefined }));
      return retrieved.keep();
    }
    sessions.change(session, () => {
      session.rooms = rooms;
    });
    sessions.resume(session, holder, number);
  }

  /** It was not: the session is as it was before, for the next who asks. */
  release(holder: W, id: number): void {
    const claim = this.#claims.held(holder, id);
    if (claim) this.#giveUp(claim);
  }

  /** Its old connection is gone, and all that its worker had to say of it has been heard. */
  onAway(session: Session<W>): void {
    const leaving = this.#leaving.get(session);
    if (leaving) return this.#letGo(session, leaving);
    const claim = this.#claims.of(session);
    if (claim) this.#answer(claim);
    else this.#attendLate();
  }

  end(session: Session<W>): void {
    this.#drop(session, "ended");
  }

  /** To another host, which its client has come to. */
  handOver(pid: string, namespace: string, done: HandedOver, untilMs = performance.now() + HAND_OVER_WITHIN_MS): void {
    const session = this.#desk.sessions.find(pid);
    if (session?.namespace !== namespace) return done("unknown");
    if (this.#isInUse(session)) {
      // Perhaps by the same client, which was cut off again at once.
      if (performance.now() > untilMs) return done("taken");
      return void setTimeout(() => this.handOver(pid, namespace, done, untilMs), AT_ONCE_MS).unref();
    }
    if (session.away) return this.#letGo(session, done);
    this.#leaving.set(session, done);
    fence(session);
  }

  #isInUse(session: Session<W>): boolean {
    if (this.#claims.of(session) || this.#leaving.has(session)) return true;
    return !session.away && isJustResumed(session);
  }

  /** It has been given back on another host: its connection here is none of its client's. */
  cut(session: Session<W>): void {
    if (!session.away) fence(session);
    this.#drop(session, "taken");
  }

  #letGo(session: Session<W>, done: HandedOver): void {
    this.#leaving.delete(session);
    const isGone = session.away && performance.now() - session.away.sinceMs > this.#desk.windowMs();
    if (isGone || !this.#desk.elsewhere()?.release(session)) return done(isGone ? "expired" : "unreachable");
    this.#drop(session, "taken");
    done();
  }

  /** False: it is just being given back. */
  expire(session: Session<W>): boolean {
    if (this.#claims.of(session)) return false;
    this.#desk.sessions.remove(session);
    return true;
  }

  onWorkerGone(worker: W): void {
    this.#ownOfGone.set(worker.name, worker.own);
    if (this.#ownOfGone.size > MAX_GONE) this.#ownOfGone.delete(this.#ownOfGone.keys().next().value as string);
    this.#late = this.#late.filter(({ holder }) => holder !== worker);
    for (const claim of this.#claims.ofGone(worker)) this.#giveUp(claim);
  }

  #attend(request: Request<W>): void {
    const session = this.#desk.sessions.find(request.pid);
    if (!session) return this.#fetch(request);
    if (session.namespace !== request.namespace) return this.#refuse(request, "unknown");
    const before = this.#claims.of(session);
    if (before) return void before.waiting.push(request);
    if (isForeign(request.offset, session, this.#desk.epoch)) {
      // Another host may have taken the session while this one was cut off from Redis.
      if (this.#desk.elsewhere()) return this.#fetch(request, session);
      session.offsetBefore = request.offset ?? "";
    }
    if (!session.away && isJustResumed(session)) return void this.#late.push(request);
    const claim = this.#claims.take(session, request);
    if (session.away) return this.#answer(claim);
    fence(session);
  }

  /** From another host, if there is one that has it. `doubtful`: this host's own, which another may have taken. */
  #fetch(request: Request<W>, doubtful?: Session<W>): void {
    const elsewhere = this.#desk.elsewhere();
    if (!elsewhere) return this.#refuse(request, "unknown");
    void elsewhere.retrieve(request).then((retrieved) => {
      if (typeof retrieved !== "string") {
        if (doubtful && this.#isOurs(doubtful)) this.cut(doubtful);
        this.#arrive(request, retrieved);
      } else if (this.#desk.isThere(request.holder)) this.#refuseOrAttend(request, retrieved, doubtful);
    });
  }

  #refuseOrAttend(request: Request<W>, why: Refusal | "here", doubtful?: Session<W>): void {
    const isOurs = why === "here" && doubtful !== undefined && this.#isOurs(doubtful);
    if (isOurs) doubtful.offsetBefore = request.offset ?? "";
    // Who took it may have been the same client, here.
    const found = this.#desk.sessions.find(request.pid);
    const isHereNow = why === "taken" && found !== undefined && found !== doubtful;
    if (!isOurs && !isHereNow) return this.#refuse(request, why === "here" ? "unknown" : why);
    this.#attend(request);
    this.#arm();
  }

  #isOurs(session: Session<W>): boolean {
    return this.#desk.sessions.find(session.pid) === session;
  }

  #arrive(request: Request<W>, retrieved: Retrieved): void {
    const { holder, pid } = request;
    const { log, sessions } = this.#desk;
    if (!this.#desk.isThere(holder)) return retrieved.giveUp();
    const isLate = request.deadlineMs < performance.now() || sessions.find(pid) !== undefined;
    const arrived = isLate ? "timeout" : retrieved.arrive();
    if (typeof arrived === "string") {
      retrieved.giveUp();
      return this.#refuse(request, arrived);
    }
    const start = { worker: holder.name, own: holder.own, shared: log.last };
    const { id, namespace, parent, data } = retrieved.record;
    const rooms = new Map(arrived.rooms.map((room) => [room, start]));
    // Where there is something to be replayed, its client has got all only with the last of it.
    const base = arrived.events.length === 0 ? start : undefined;
    const { ahead } = arrived;
    const about = { pid, id, namespace, parent, data, holder, number: 0, rooms, since: start, ahead };
    const position = { base, start, confirmed: undefined, offsetBefore: request.offset ?? "", resumedAtMs: undefined };
    const session: Session<W> = { ...about, ...position, away: { sinceMs: performance.now(), state: start } };
    const claim = this.#claims.take(session, request);
    claim.offer = { rooms, base, start };
    this.#retrieved.set(session, retrieved);
    this.#replayed += arrived.events.length;
    holder.expectJoins(namespace);
    this.#write(claim, start.worker, withCursors(arrived.events, start));
    holder.flush();
  }

  #answer(claim: Claim<W>): void {
    const { session, request } = claim;
    if (request.holder.queuedBytes > MAX_QUEUED_BYTES) return;
    const missed = this.#missed(session, request.offset);
    if (typeof missed === "string") return this.#drop(session, missed);
    const { log } = this.#desk;
    const { holder } = request;
    claim.offer = {
      rooms: missed.rooms,
      base: missed.position,
      start: { worker: holder.name, own: holder.own, shared: log.last },
    };
    this.#replayed += missed.events.length;
    holder.expectJoins(session.namespace);
    this.#write(claim, missed.position.worker, missed.events);
    holder.flush();
  }

  #missed(session: Session<W>, offset: string | undefined): (Missed & { readonly position: Position }) | Refusal {
    const { away } = session;
    const { epoch, log } = this.#desk;
    if (!away || performance.now() - away.sinceMs > this.#desk.windowMs()) return "expired";
    const ownOf = (worker: string) => this.#ownOf(worker, session);
    const position = positionOf(session, offset, { epoch, shared: log.last, ownOf });
    if (typeof position === "string") return position;
    const missed = missedBy(session, position, away.state, log);
    return typeof missed === "string" ? missed : { ...missed, position };
  }

  #ownOf(worker: string, session: Session<W>): number {
    if (session.holder.name === worker) return session.holder.own;
    return this.#ownOfGone.get(worker) ?? Number.POSITIVE_INFINITY;
  }

  #write({ request, offer, session }: Claim<W>, worker: string, events: readonly Replayed[]): void {
    if (!offer) return;
    const frame = request.holder.frame(RecoveryKind.restored).number(request.id).byte(1);
    frame.text(session.id).sizedBytes(session.data).rooms(offer.rooms.keys());
    frame.count(offer.start.own).count(offer.start.shared).text(worker).number(events.length);
    for (const event of events) frame.count(event.own).count(event.shared).sizedBytes(event.frame);
    frame.end();
  }

  #refuse({ holder, id }: Request<W>, why: Refusal): void {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
    holder.frame(RecoveryKind.restored).number(id).byte(0).text(why).end();
    holder.flush();
  }

  /** Nobody gets the session any more. */
  #drop(session: Session<W>, why: Refusal): void {
    this.#desk.sessions.remove(session);
    this.#leaving.get(session)?.(why);
    this.#leaving.delete(session);
    const claim = this.#claims.of(session);
    if (!claim) return this.#attendLate();
    const waiting = this.#claims.settle(claim);
    if (!claim.offer) this.#refuse(claim.request, why);
    for (const request of waiting) this.#refuse(request, "unknown");
  }

  #giveUp(claim: Claim<W>): void {
    const retrieved = this.#retrieved.get(claim.session);
    this.#retrieved.delete(claim.session);
    retrieved?.giveUp();
    for (const request of this.#claims.settle(claim)) this.#attend(request);
  }

  /** Those whose session is away again, or gone, need wait no longer. */
  #attendLate(): void {
    const late = this.#late;
    this.#late = [];
    for (const request of late) {
      const session = this.#desk.sessions.find(request.pid);
      if (!session || session.away || this.#claims.of(session)) this.#attend(request);
      else this.#late.push(request);
    }
  }

  #arm(): void {
    if (this.#claims.size === 0 && this.#late.length === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#retry(performance.now());
      this.#arm();
    }, RETRY_MS).unref();
  }

  /** Answers what waits for a link that was behind, and gives up what has waited too long. */
  #retry(nowMs: number): void {
    const { claims, waiting } = this.#claims.overdue(nowMs);
    for (const request of waiting) this.#refuse(request, "timeout");
    for (const request of this.#late.filter(({ deadlineMs }) => deadlineMs <= nowMs)) this.#refuse(request, "taken");
    this.#late = this.#late.filter(({ deadlineMs }) => deadlineMs > nowMs);
    for (const claim of claims) {
      this.#refuse(claim.request, "timeout");
      this.#giveUp(claim);
    }
    for (const claim of this.#claims.unanswered()) {
      if (claim.session.away) this.#answer(claim);
    }
  }
}

function fence({ holder, number }: Session<WorkerEnd>): void {
  holder.frame(RecoveryKind.fence).number(number).end();
  holder.flush();
}

/** With the last of them the client has what it missed; with any other, its cursor says that it has not. */
function withCursors(events: readonly Replayed[], { own, shared }: Position): readonly Replayed[] {
  return events.map(({ frame }, i) =>
    i === events.length - 1 ? { own, shared, frame } : { own: 0, shared: 0, frame },
  );
}

function isJustResumed({ resumedAtMs = Number.NEGATIVE_INFINITY }: Session): boolean {
  return performance.now() - resumedAtMs < AT_ONCE_MS;
}
