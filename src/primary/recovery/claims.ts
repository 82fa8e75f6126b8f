/**
 * Who wants a session back. One request at a time holds a session, and loses it again when its client is not let in or
 * its worker dies; others wait for what becomes of that one. Runs in the primary; pure.
 */
import type { Position } from "../../protocol/cursor.js";
import type { RoomName } from "../../protocol/frame.js";
import type { Holder, Session } from "./session.js";

export interface Request<H extends Holder = Holder> {
  readonly holder: H;
  /** The worker's own number for it. */
  readonly id: number;
  readonly namespace: string;
  readonly pid: string;
  readonly offset: string | undefined;
  readonly deadlineMs: number;
}

/** What the session becomes when the client is let in. */
export interface Offer {
  readonly rooms: Map<RoomName, Position>;
  /** Undefined: see Session. */
  readonly base: Position | undefined;
  readonly start: Position;
}

export interface Claim<H extends Holder> {
  readonly session: Session<H>;
  readonly request: Request<H>;
  /** Undefined: not answered yet. */
  offer: Offer | undefined;
  readonly waiting: Request<H>[];
}

export class Claims<H extends Holder> {
  readonly #bySession = new Map<Session<H>, Claim<H>>();
  readonly #byRequest = new Map<H, Map<number, Claim<H>>>();

  get size(): number {
    return this.#bySession.size;
  }

  of(session: Session<H>): Claim<H> | undefined {
    return this.#bySession.get(session);
  }

  /** That the worker was given; undefined when it asked for none of that number, or has lost it. */
  held(holder: H, id: number): Claim<H> | undefined {
    return this.#byRequest.get(holder)?.get(id);
  }

  take(session: Session<H>, request: Request<H>): Claim<H> {
    const claim = { session, request, offer: undefined, waiting: [] };
    this.#bySession.set(session, claim);
    const ofHolder = this.#byRequest.get(request.holder) ?? new Map<number, Claim<H>>();
    this.#byRequest.set(request.holder, ofHolder.set(request.id, claim));
    return claim;
  }

  /** Ends a claim; those that had waited for it. */
  settle(claim: Claim<H>): readonly Request<H>[] {
    const { session, request, waiting } = claim;
    if (this.#bySession.get(session) === claim) this.#bySession.delete(session);
    const ofHolder = this.#byRequest.get(request.holder);
    ofHolder?.delete(request.id);
    if (ofHolder?.size === 0) this.#byRequest.delete(request.holder);
    return waiting;
  }

  unanswered(): Claim<H>[] {
    return [...this.#bySession.values()].filter(({ offer }) => !offer);
  }

  /** Takes out what is to be given up: requests that nobody has answered in time. */
  overdue(nowMs: number): { readonly claims: Claim<H>[]; readonly waiting: Request<H>[] } {
    const claims: Claim<H>[] = [];
    const waiting: Request<H>[] = [];
    for (const claim of this.#bySession.values()) {
      if (!claim.offer && claim.request.deadlineMs <= nowMs) claims.push(claim);
      waiting.push(...takeOut(claim.waiting, ({ deadlineMs }) => deadlineMs <= nowMs));
    }
    return { claims, waiting };
  }

  /** Of a worker that is gone: its claims; what it waited for is forgotten. */
  ofGone(holder: H): Claim<H>[] {
    for (const { waiting } of this.#bySession.values()) takeOut(waiting, (request) => request.holder === holder);
    return [...(this.#byRequest.get(holder)?.values() ?? [])];
  }
}

function takeOut<T>(items: T[], isOut: (item: T) => boolean): T[] {
  const out = items.filter(isOut);
  const kept = items.filter((item) => !isOut(item));
  items.splice(0, items.length, ...kept);
  return out;
}
