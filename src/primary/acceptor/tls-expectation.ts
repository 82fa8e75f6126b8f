/**
 * Which worker a TLS connection most likely belongs to: the primary cannot read its session id. A client that opens its
 * session by polling soon opens more connections, from the same address: for its next requests, and for its WebSocket. So
 * a worker tells of each such session, and while one is without its WebSocket, connections from there go to its worker.
 * Only a hint: what lands wrong is forwarded.
 *
 * Where many clients share an address, their first connections go there too, since they look the same, and so stay with
 * what follows them; but after a while it is another worker's turn, or one would have them all. Pure, and bounded by
 * addresses, by sessions, and by time.
 */
import type { OwnerKey } from "./arrival.js";

/** What is expected from one address. */
interface Expectation {
  readonly owner: OwnerKey;
  untilMs: number;
  /** Sessions of the owner that have no WebSocket yet. */
  open: number;
  /** All that were opened while it was the owner's turn, and the connections that it was given for them. */
  sessions: number;
  connections: number;
  /** Another worker's, told of meanwhile: its turn is next. */
  next: Expectation | undefined;
}

/** Upgrading takes a few round trips; one that polls for ever is not waited for. */
const EXPECTED_WITHIN_MS = 10_000;
/** Of clients that come one upon the other from one address: fewer, and more of them lose their worker at the change. */
const SESSIONS_A_TURN = 32;
/** Four of each: the first, a poll, a packet, a WebSocket. More of them are of a burst of others. */
const CONNECTIONS_A_TURN = 4 * SESSIONS_A_TURN;
/** An IPv6 address with its zone; a worker is not believed to tell longer ones. */
const LONGEST_ADDRESS = 64;

export class Expectations {
  static readonly MAX_ADDRESSES = 16_384;

  /** That which was told of last is the last. */
  readonly #byAddress = new Map<string, Expectation>();

  /** Addresses that something is expected from. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** A session was opened in that worker, by polling. */
  add(address: string, owner: OwnerKey, nowMs: number): void {
    if (address.length > LONGEST_ADDRESS) return;
    const known = this.#byAddress.get(address);
    if (!known || known.untilMs <= nowMs) return this.#begin(address, withSession(undefined, owner, nowMs));
    if (known.owner !== owner) {
      known.next = withSession(known.next, owner, nowMs);
      return;
    }
    withSession(known, owner, nowMs);
    if (known.sessions > SESSIONS_A_TURN) this.#begin(address, known.next);
    else this.#begin(address, known);
  }

  /** A session that was told of has its WebSocket, or has ended. */
  settle(address: string, owner: OwnerKey): void {
    const known = this.#byAddress.get(address);
    if (known?.owner === owner && --known.open <= 0) this.#begin(address, known.next);
    else if (known?.next?.owner === owner && --known.next.open <= 0) known.next = undefined;
  }

  /** The worker that the next connection from there most likely belongs to. */
  take(address: string, nowMs: number): OwnerKey | undefined {
    const known = this.#byAddress.get(address);
    if (!known || known.untilMs <= nowMs) return undefined;
    if (++known.connections >= CONNECTIONS_A_TURN) this.#begin(address, known.next);
    return known.owner;
  }

  /** That worker takes no new connections any more, and others' sessions are to be expected. */
  forget(owner: OwnerKey): void {
    for (const [address, known] of this.#byAddress) {
      if (known.next?.owner === owner) known.next = undefined;
      if (known.owner === owner) this.#begin(address, known.next);
    }
  }

  /** Forgets addresses that nothing has come from for long. */
  sweep(nowMs: number): void {
    for (const [address, { untilMs }] of this.#byAddress) {
      if (untilMs > nowMs) return;
      this.#byAddress.delete(address);
    }
  }

  #begin(address: string, expectation: Expectation | undefined): void {
    this.#byAddress.delete(address);
    if (expectation) this.#byAddress.set(address, expectation);
    const [oldest] = this.#byAddress.keys();
    if (this.#byAddress.size > Expectations.MAX_ADDRESSES) this.#byAddress.delete(oldest as string);
  }
}

/** One session more; of another owner than before, the first. */
function withSession(known: Expectation | undefined, owner: OwnerKey, nowMs: number): Expectation {
  const fresh = { owner, untilMs: 0, open: 0, sessions: 0, connections: 0, next: undefined };
  const expectation: Expectation = known?.owner === owner ? known : fresh;
  expectation.untilMs = nowMs + EXPECTED_WITHIN_MS;
  expectation.open++;
  expectation.sessions++;
  return expectation;
}
