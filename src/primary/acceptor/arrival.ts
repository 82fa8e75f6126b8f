/** A connection whose request target is known, on its way to a worker; and a bounded queue of such. */
import type { Socket } from "node:net";
import type { Peer } from "../../protocol/peer.js";
import { OWNER_NUMBER_LIMIT } from "../../protocol/session-id.js";
import type { Visit } from "./admission.js";

/** An accepted connection, before anything is known of what it wants. */
export interface Caller {
  readonly socket: Socket;
  /** As it is counted. */
  readonly visit: Visit;
  /** Whose it is, where a proxy has said so. */
  peer: Peer | undefined;
}

export interface Arrival {
  readonly socket: Socket;
  /** All that was read from it. */
  readonly bytes: Buffer;
  /** The worker of this host that the request's session id names, whether it lives or not. */
  readonly owner: OwnerKey | undefined;
  /** The worker that it most likely belongs to, of a connection whose request cannot be seen. */
  readonly likely?: OwnerKey | undefined;
  readonly visit?: Visit;
  readonly peer?: Peer | undefined;
  /** By another worker, for its owner. */
  readonly passed?: true;
  /** How often it was sent to a worker that could not take it. */
  attempts: number;
}

/** One number for a slot and an incarnation, both as far as a session id can tell them. */
export type OwnerKey = number & { readonly __brand: "OwnerKey" };

export function ownerKey({ slot, incarnation }: { readonly slot: number; readonly incarnation: number }): OwnerKey {
  return ((slot % OWNER_NUMBER_LIMIT) * OWNER_NUMBER_LIMIT + (incarnation % OWNER_NUMBER_LIMIT)) as OwnerKey;
}

/** First in, first out. What does not fit is refused, so a stuck worker costs the primary no more than this. */
export class ArrivalQueue {
  static readonly MAX_ARRIVALS = 8_192;
  static readonly MAX_BYTES = 64 * 1024 * 1024;

  readonly #arrivals = new Set<Arrival>();
  #bytes = 0;

  get size(): number {
    return this.#arrivals.size;
  }

  add(arrival: Arrival): boolean {
    const bytes = this.#bytes + arrival.bytes.length;
    if (this.#arrivals.size >= ArrivalQueue.MAX_ARRIVALS || bytes > ArrivalQueue.MAX_BYTES) return false;
    this.#arrivals.add(arrival);
    this.#bytes = bytes;
    return true;
  }

  delete(arrival: Arrival): void {
    if (this.#arrivals.delete(arrival)) this.#bytes -= arrival.bytes.length;
  }

  shift(): Arrival | undefined {
    const [first] = this.#arrivals;
    if (first) this.delete(first);
    return first;
  }

  /** Removes and returns those that fit, oldest first. */
  take(fits: (arrival: Arrival) => boolean = () => true): Arrival[] {
    const taken = [...this.#arrivals].filter(fits);
    for (const arrival of taken) this.delete(arrival);
    return taken;
  }
}
