/**
 * Places arrivals: a session's connection with its own worker, any other where it most likely belongs, else by the balance
 * policy; what a worker cannot take with the next; and holds them for a while when there is none. Every arrival ends with a worker or with 503.
 */
import { type Arrival, ArrivalQueue, type OwnerKey } from "./arrival.js";
import type { Balance } from "./balance.js";
import { DeadlineQueue } from "./deadline-queue.js";
import { HandOffQueue, type HandOffTarget } from "./hand-off-queue.js";

/** How long a connection waits for a worker to be ready. */
const HOLD_MS = 5_000;
const MAX_ATTEMPTS = 4;

export class Placement {
  readonly #balance: Balance;
  readonly #refuse: (arrival: Arrival) => void;
  readonly #queues = new Map<HandOffTarget, HandOffQueue>();
  readonly #byOwner = new Map<OwnerKey, HandOffQueue>();
  readonly #held = new ArrivalQueue();
  readonly #holdDeadlines = new DeadlineQueue<Arrival>(HOLD_MS);
  #closing = false;
  #placed = 0;
  #resent = 0;

  /** `refuse` answers 503. */
  constructor(balance: Balance, refuse: (arrival: Arrival) => void) {
    this.#balance = balance;
    this.#refuse = refuse;
  }

  get sizes() {
    const queues = [...this.#queues.values()];
    const pending = queues.reduce((sum, queue) => sum + queue.pending, 0);
    return { targets: queues.length, held: this.#held.size, pending, placed: this.#placed, resent: this.#resent };
  }

  place(arrival: Arrival): void {
    if (arrival.socket.destroyed) return;
    const nowMs = performance.now();
    const queue = this.#ownerOf(arrival, nowMs) ?? this.#choose(arrival, nowMs);
    if (!queue) return this.#hold(arrival, nowMs);
    if (!queue.add(arrival)) return this.#refuse(arrival);
    this.#placed++;
  }

  add(target: HandOffTarget): void {
    const queue = this.#queues.get(target) ?? new HandOffQueue(target);
    queue.state = "open";
    this.#queues.set(target, queue);
    this.#byOwner.set(queue.key, queue);
    this.#placeHeld();
  }

  /** No more new connections. What has not been sent goes elsewhere, if there is an elsewhere. */
  bind(target: HandOffTarget): void {
    const queue = this.#queues.get(target);
    if (!queue) return;
    queue.state = "bound";
    if (this.#candidates(performance.now()).length > 0) this.#resend(queue.takeUnbound());
  }

  remove(target: HandOffTarget): void {
    const queue = this.#queues.get(target);
    if (!queue) return;
    this.#queues.delete(target);
    if (this.#byOwner.get(queue.key) === queue) this.#byOwner.delete(queue.key);
    this.#resend(queue.takeAll());
  }

  settle(target: HandOffTarget, sequence: number, taken: boolean): void {
    const queue = this.#queues.get(target);
    const failed = queue?.settle(sequence, taken);
    if (queue && failed) this.#retry(queue, [failed]);
  }

  /** It goes on elsewhere, which is another visit; its worker tells that it has closed there all the same. */
  left(target: HandOffTarget, sequence: number): void {
    this.#queues.get(target)?.left(sequence);
  }

  closed(target: HandOffTarget, sequences: readonly number[]): void {
    this.#queues.get(target)?.closed(sequences);
  }

  /** Whether this worker lives, as far as connections are concerned. */
  has(owner: OwnerKey): boolean {
    return this.#byOwner.has(owner);
  }

  connections(target: HandOffTarget): number {
    return this.#queues.get(target)?.connections ?? 0;
  }

  sweep(nowMs: number): void {
    const expired = [...this.#queues.values()].map((queue) => [queue, queue.expire(nowMs)] as const);
    for (const [queue, arrivals] of expired) this.#retry(queue, arrivals);
    for (const queue of this.#queues.values()) queue.takeImpatient(nowMs).forEach(this.#refuse);
    if (this.#held.size === 0) return;
    for (const arrival of this.#holdDeadlines.expire(nowMs)) {
      this.#held.delete(arrival);
      this.#refuse(arrival);
    }
    if (this.#candidates(nowMs).length > 0) this.#placeHeld();
  }

  /** From now on nothing is held: what has no worker is refused. */
  close(): void {
    this.#closing = true;
    this.#placeHeld();
  }

  #ownerOf({ owner }: Arrival, nowMs: number): HandOffQueue | undefined {
    const queue = owner === undefined ? undefined : this.#byOwner.get(owner);
    // Another worker can still forward its requests to it.
    return queue?.rests(nowMs) ? undefined : queue;
  }

  #choose({ socket, peer, likely }: Arrival, nowMs: number): HandOffQueue | undefined {
    const candidates = this.#candidates(nowMs);
    if (candidates.length === 0) return undefined;
    const hinted = likely === undefined ? undefined : candidates.find(({ key }) => key === likely);
    return hinted ?? this.#balance(candidates, () => peer?.address ?? socket.remoteAddress);
  }

  #candidates(nowMs: number): HandOffQueue[] {
    return [...this.#queues.values()].filter((queue) => queue.takesNew(nowMs));
  }

  #hold(arrival: Arrival, nowMs: number): void {
    if (this.#closing || !this.#held.add(arrival)) return this.#refuse(arrival);
    this.#holdDeadlines.add(arrival, nowMs);
  }

  #placeHeld(): void {
    this.#holdDeadlines.clear();
    for (const arrival of this.#held.take()) this.place(arrival);
  }

  #retry(queue: HandOffQueue, failed: readonly Arrival[]): void {
    if (failed.length === 0) return;
    queue.rest(performance.now());
    for (const arrival of failed) {
      if (++arrival.attempts < MAX_ATTEMPTS) this.#resend([arrival]);
      else this.#refuse(arrival);
    }
  }

  #resend(arrivals: readonly Arrival[]): void {
    for (const arrival of arrivals) {
      this.#resent++;
      this.place(arrival);
    }
  }
}
