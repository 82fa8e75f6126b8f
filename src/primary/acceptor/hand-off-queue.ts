/**
 * What is on its way to one worker: connections that wait for their turn, and the few whose hand-off the worker has not
 * yet confirmed. Node would queue without limit and say nothing (one handle per acknowledgement, 2.8 s behind 300), so
 * the queue is ours. The worker's side is src/worker/inbox.ts.
 */
import type { Socket } from "node:net";
import { HAND_OFF_TYPE, type HandOffMessage } from "../../protocol/hand-off.js";
import { machineTimeMs } from "../../protocol/machine-time.js";
import { describePeer } from "../../protocol/peer.js";
import type { Visit } from "./admission.js";
import { type Arrival, ArrivalQueue, type OwnerKey, ownerKey } from "./arrival.js";
import type { Candidate } from "./balance.js";
import { DeadlineQueue } from "./deadline-queue.js";

/** A worker as the acceptor sees it. */
export interface HandOffTarget {
  readonly slot: number;
  readonly incarnation: number;
  /** Sends the handle and keeps it open here. Never throws: what is not taken is sent elsewhere when its time is up. */
  send(message: HandOffMessage, socket: Socket): void;
}

/** One handle is on the wire, the next wait in Node's queue, so that the worker is never idle between two. */
const MAX_IN_FLIGHT = 4;
/** How long a worker is left alone that could not take a connection, out of descriptors most likely. */
const REST_MS = 1_000;
/** A hand-off older than this is refused by the worker, and a little later sent elsewhere, so only one side acts on it. */
const VALID_MS = 9_000;
const GIVE_UP_MS = 10_000;
/**
 * How long a connection without a session waits for a busy worker. Clients give up, and who has is not seen while it waits:
 * without a limit, one moment of too many would be served for minutes to clients that have gone, and nobody else.
 */
const WAIT_MS = 5_000;

export class HandOffQueue implements Candidate {
  readonly target: HandOffTarget;
  readonly key: OwnerKey;
  /** `open` takes anything, `bound` only what belongs to its own sessions. */
  state: "open" | "bound" = "open";
  /** Handed over, or about to be, and not closed. */
  connections = 0;

  readonly #waiting = new ArrivalQueue();
  readonly #patience = new DeadlineQueue<Arrival>(WAIT_MS);
  readonly #inFlight = new Map<number, Arrival>();
  /** Taken by the worker and not closed. */
  readonly #visits = new Map<number, Visit>();
  readonly #deadlines = new DeadlineQueue<number>(GIVE_UP_MS);
  #sequence = 0;
  #restsUntilMs = 0;

  constructor(target: HandOffTarget) {
    this.target = target;
    this.key = ownerKey(target);
  }

  get slot(): number {
    return this.target.slot;
  }

  /** Connections that its worker has not confirmed. */
  get pending(): number {
    return this.#waiting.size + this.#inFlight.size;
  }

  /** Whether it may be chosen for a connection without a session. */
  takesNew(nowMs: number): boolean {
    return this.state === "open" && !this.rests(nowMs);
  }

  rests(nowMs: number): boolean {
    return nowMs < this.#restsUntilMs;
  }

  rest(nowMs: number): void {
    this.#restsUntilMs = nowMs + REST_MS;
  }

  /** False when there are too many already. */
  add(arrival: Arrival): boolean {
    if (!this.#waiting.add(arrival)) return false;
    this.connections++;
    if (arrival.owner !== this.key) this.#patience.add(arrival, performance.now());
    this.#pump();
    return true;
  }

  /** The worker's word. Returns what it could not take. */
  settle(sequence: number, taken: boolean): Arrival | undefined {
    const arrival = this.#land(sequence);
    this.#pump();
    if (!arrival) return undefined;
    // It is the worker's now; closing the copy here ends nothing, because the worker's stays open.
    if (taken) return this.#give(sequence, arrival);
    this.connections--;
    return arrival;
  }

  /** By the sequence numbers of their hand-offs. */
  closed(sequences: readonly number[]): void {
    this.connections = Math.max(this.pending, this.connections - sequences.length);
    for (const sequence of sequences) this.left(sequence);
  }

  /** It counts here no more for its client; `closed` is still to come. */
  left(sequence: number): void {
    this.#visits.get(sequence)?.leave();
    this.#visits.delete(sequence);
  }

  /** Removes and returns what has not been sent and belongs to no session of this worker. */
  takeUnbound(): Arrival[] {
    const taken = this.#waiting.take((arrival) => arrival.owner !== this.key);
    this.#patience.clear();
    this.connections -= taken.length;
    return taken;
  }

  /** Removes and returns everything: the worker is gone, and what it had not confirmed it has not read. */
  takeAll(): Arrival[] {
    const all = [...this.#inFlight.values(), ...this.#waiting.take()];
    for (const visit of this.#visits.values()) visit.leave();
    this.#visits.clear();
    this.#inFlight.clear();
    this.#deadlines.clear();
    this.#patience.clear();
    this.connections = 0;
    return all;
  }

  /** Removes and returns what was sent long ago and never confirmed. */
  expire(nowMs: number): Arrival[] {
    const expired = this.#deadlines.expire(nowMs).flatMap((sequence) => this.#land(sequence) ?? []);
    this.connections -= expired.length;
    if (expired.length > 0) this.#pump();
    return expired;
  }

  /** Removes and returns what has no session here and has waited too long to be sent. */
  takeImpatient(nowMs: number): Arrival[] {
    const impatient = this.#patience.expire(nowMs);
    for (const arrival of impatient) this.#waiting.delete(arrival);
    this.connections -= impatient.length;
    return impatient;
  }

  #pump(): void {
    while (this.#inFlight.size < MAX_IN_FLIGHT) {
      const arrival = this.#waiting.shift();
      if (!arrival) return;
      this.#send(arrival);
    }
  }

  #send(arrival: Arrival): void {
    this.#patience.delete(arrival);
    const sequence = ++this.#sequence;
    this.#inFlight.set(sequence, arrival);
    this.#deadlines.add(sequence, performance.now());
    const data = arrival.bytes.toString("latin1");
    const validUntilMs = machineTimeMs() + VALID_MS;
    const more = {
      ...(arrival.peer && { peer: describePeer(arrival.peer) }),
      ...(arrival.passed && { passed: arrival.passed }),
    };
    this.target.send({ type: HAND_OFF_TYPE, data, sequence, validUntilMs, ...more }, arrival.socket);
  }

  /** Where visits are followed, they go on in the worker although the copy here closes. */
  #give(sequence: number, { socket, visit }: Arrival): undefined {
    if (visit?.goOn()) this.#visits.set(sequence, visit);
    socket.destroy();
  }

  #land(sequence: number): Arrival | undefined {
    const arrival = this.#inFlight.get(sequence);
    this.#inFlight.delete(sequence);
    this.#deadlines.delete(sequence);
    return arrival;
  }
}
