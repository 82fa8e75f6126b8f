/**
 * Which worker a TLS connection most likely belongs to: the primary cannot read its session id. A client that opens its
 * session by polling soon opens more connections, from the same address: for its next requests, and for its WebSocket. So
 * a worker tells of each such session, and the next few connections from there go to that worker. Only a hint: what lands
 * wrong is forwarded. Pure, and bounded by addresses, by sessions of each, and by time.
 */
import type { OwnerKey } from "./arrival.js";

interface Expectation {
  readonly owner: OwnerKey;
  readonly untilMs: number;
  /** How many connections are still to come. */
  connections: number;
}

/** A poll, a packet and a WebSocket, and one that somebody else at the same address has opened meanwhile. */
const CONNECTIONS = 4;
/** An IPv6 address with its zone; a worker is not believed to tell no longer ones. */
const LONGEST_ADDRESS = 64;
/** Upgrading takes a few round trips. */
const EXPECTED_WITHIN_MS = 10_000;

export class Expectations {
  static readonly MAX_ADDRESSES = 8_192;
  static readonly MAX_OF_ADDRESS = 32;

  /** Of each address, first the session opened first; that which was told of last is the last. */
  readonly #byAddress = new Map<string, Expectation[]>();

  /** Addresses that something is expected from. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** A session was opened in that worker, by polling. */
  add(address: string, owner: OwnerKey, nowMs: number): void {
    if (address.length > LONGEST_ADDRESS) return;
    const known = this.#byAddress.get(address) ?? [];
    if (known.length >= Expectations.MAX_OF_ADDRESS) known.shift();
    known.push({ owner, untilMs: nowMs + EXPECTED_WITHIN_MS, connections: CONNECTIONS });
    this.#byAddress.delete(address);
    this.#byAddress.set(address, known);
    if (this.#byAddress.size > Expectations.MAX_ADDRESSES) this.#forgetOldest();
  }

  /** A session that was told of has its WebSocket, or has ended. */
  settle(address: string, owner: OwnerKey): void {
    const known = this.#byAddress.get(address) ?? [];
    const at = known.findIndex((expectation) => expectation.owner === owner);
    if (at !== -1) known.splice(at, 1);
    if (known.length === 0) this.#byAddress.delete(address);
  }

  /** The worker that the next connection from there most likely belongs to. */
  take(address: string, nowMs: number): OwnerKey | undefined {
    const known = this.#byAddress.get(address);
    while (known?.[0] && known[0].untilMs <= nowMs) known.shift();
    const first = known?.[0];
    if (known && (!first || --first.connections === 0)) this.#drop(address, known);
    return first?.owner;
  }

  /** Forgets addresses that nothing has come from for long. */
  sweep(nowMs: number): void {
    for (const [address, known] of this.#byAddress) {
      if ((known.at(-1)?.untilMs ?? 0) > nowMs) return;
      this.#byAddress.delete(address);
    }
  }

  #drop(address: string, known: Expectation[]): void {
    known.shift();
    if (known.length === 0) this.#byAddress.delete(address);
  }

  #forgetOldest(): void {
    const [oldest] = this.#byAddress.keys();
    if (oldest !== undefined) this.#byAddress.delete(oldest);
  }
}
