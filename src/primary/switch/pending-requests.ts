/**
 * Requests that workers wait for: who asked, who has yet to answer, and until when. A responder that dies is taken off
 * at once, so nobody waits for the dead. Runs in the primary; it decides, the switch writes the frames.
 */

/** More requests of one link than this at a time are refused. */
export const MAX_REQUESTS_PER_LINK = 10_000;
/** The asking worker gives up first and tells its app; the switch only forgets what it was not told to cancel. */
const GRACE_MS = 5_000;

interface Pending<L> {
  readonly origin: L;
  readonly originId: number;
  readonly missing: Set<L>;
  readonly forgetAtMs: number;
  answered: number;
  lost: number;
}

/** Tells an origin that nobody will answer any more. */
export interface Outcome<L> {
  readonly origin: L;
  readonly originId: number;
  readonly answered: number;
  readonly lost: number;
}

export class PendingRequests<L extends object> {
  readonly #byId = new Map<number, Pending<L>>();
  readonly #idsByOrigin = new Map<L, Map<number, number>>();
  #lastId = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** The id under which the responders know the request; undefined when the origin has too many in flight. */
  add(origin: L, originId: number, responders: readonly L[], timeoutMs: number, nowMs: number): number | undefined {
    const ids = this.#idsOf(origin);
    if (ids.size >= MAX_REQUESTS_PER_LINK || ids.has(originId)) return undefined;
    const id = this.#nextId();
    ids.set(originId, id);
    const forgetAtMs = nowMs + timeoutMs + GRACE_MS;
    this.#byId.set(id, { origin, originId, missing: new Set(responders), forgetAtMs, answered: 0, lost: 0 });
    return id;
  }

  /** Where a response goes; undefined when nobody waits for it, or not from this link. */
  originOf(id: number, responder: L): { readonly origin: L; readonly originId: number } | undefined {
    const pending = this.#byId.get(id);
    return pending?.missing.has(responder) ? pending : undefined;
  }

  /** A responder has said its last word; the outcome, when it was the last one. */
  answered(id: number, responder: L): Outcome<L> | undefined {
    const pending = this.#byId.get(id);
    if (!pending?.missing.delete(responder)) return undefined;
    pending.answered++;
    return this.#settle(id, pending);
  }

  /** A responder could not be reached. */
  lost(id: number, responder: L): Outcome<L> | undefined {
    const pending = this.#byId.get(id);
    if (!pending?.missing.delete(responder)) return undefined;
    pending.lost++;
    return this.#settle(id, pending);
  }

  cancel(origin: L, originId: number): void {
    const id = this.#idsByOrigin.get(origin)?.get(originId);
    if (id !== undefined) this.#forget(id, origin, originId);
  }

  /** A link has ended: what it asked is forgotten, what it owed is given up. */
  drop(link: L): Outcome<L>[] {
    for (const originId of [...(this.#idsByOrigin.get(link)?.keys() ?? [])]) this.cancel(link, originId);
    const outcomes: Outcome<L>[] = [];
    for (const id of [...this.#byId.keys()]) {
      const outcome = this.lost(id, link);
      if (outcome) outcomes.push(outcome);
    }
    return outcomes;
  }

  /** Forgets what no origin can be waiting for any more. */
  sweep(nowMs: number): void {
    for (const [id, pending] of this.#byId) {
      if (pending.forgetAtMs <= nowMs) this.#forget(id, pending.origin, pending.originId);
    }
  }

  #settle(id: number, pending: Pending<L>): Outcome<L> | undefined {
    if (pending.missing.size > 0) return undefined;
    this.#forget(id, pending.origin, pending.originId);
    return pending;
  }

  #forget(id: number, origin: L, originId: number): void {
    this.#byId.delete(id);
    const ids = this.#idsByOrigin.get(origin);
    ids?.delete(originId);
    if (ids?.size === 0) this.#idsByOrigin.delete(origin);
  }

  #idsOf(origin: L): Map<number, number> {
    const ids = this.#idsByOrigin.get(origin) ?? new Map<number, number>();
    this.#idsByOrigin.set(origin, ids);
    return ids;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#byId.has(this.#lastId));
    return this.#lastId;
  }
}
