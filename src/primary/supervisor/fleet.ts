/**
 * The workers that are there, by slot, and what is wanted of them. Only the supervisor changes it; plan.ts reads it.
 */
import type { Heir } from "../../protocol/control.js";
import { OWNER_NUMBER_LIMIT } from "../../protocol/session-id.js";
import type { FleetSettings } from "./contract.js";
import { everyWorker, type FleetView, type Phase, type Reload, type SlotView } from "./plan.js";
import { afterDeath, type Restart, UNHARMED } from "./restart-policy.js";
import type { WorkerHandle, WorkerState } from "./worker-handle.js";
import { WorkerTally } from "./worker-tally.js";

/** A worker's line in the status. Its figures are those of its last beat. */
export interface WorkerRow {
  readonly slot: number;
  readonly pid: number;
  readonly generation: number;
  readonly state: WorkerState;
  readonly stuck?: true;
  readonly connections: number;
  readonly sessions: number;
  readonly sockets: number;
  readonly restarts: number;
  readonly rssBytes: number;
  readonly elu: number;
  readonly lagMs: number;
}

class Slot implements SlotView {
  readonly number: number;
  current: WorkerHandle | undefined;
  candidate: WorkerHandle | undefined;
  restart: Restart = UNHARMED;
  restarts = 0;
  /** The last that died here, for the status while none runs. */
  fallen: WorkerHandle | undefined;
  #forks = 0;

  constructor(number: number) {
    this.number = number;
  }

  nextIncarnation(): number {
    return this.#forks++ % OWNER_NUMBER_LIMIT;
  }
}

export class Fleet implements FleetView {
  /** Slots are never given up, so that incarnations do not repeat; `workers` says how many are in use. */
  readonly slots: Slot[] = [];
  readonly leaving: WorkerHandle[] = [];
  phase: Phase = "starting";
  hurried = false;
  reloadWanted = false;
  reload: Reload | undefined;
  settings: FleetSettings;
  generation = 1;
  readonly #drops = new WorkerTally("workerDropped");
  readonly #done = new WorkerTally("worker");
  #workers = 0;
  #generations = 1;

  constructor(settings: FleetSettings) {
    this.settings = settings;
    this.workers = settings.workers;
  }

  get workers(): number {
    return this.#workers;
  }

  set workers(wanted: number) {
    this.#workers = Math.max(1, Math.min(wanted, OWNER_NUMBER_LIMIT));
    while (this.slots.length < this.#workers) this.slots.push(new Slot(this.slots.length));
  }

  /** What workers have told of what they dropped and did. */
  get workerCounters(): Readonly<Record<string, number>> {
    const stats = this.everyWorker.map((worker) => worker.stats);
    const dropped = this.#drops.counters(stats.map((each) => each?.dropped));
    return { ...dropped, ...this.#done.counters(stats.map((each) => each?.done)) };
  }

  /** Clients' WebSockets that one worker relays to another, at the last beats. */
  get relays(): number {
    return this.everyWorker.reduce((sum, { stats }) => sum + (stats?.relays ?? 0), 0);
  }

  get workerTimeoutMs(): number {
    return this.settings.workerTimeoutMs;
  }

  get maxWorkerMemoryBytes(): number {
    return this.settings.maxWorkerMemoryBytes ?? Number.POSITIVE_INFINITY;
  }

  get everyWorker(): WorkerHandle[] {
    return everyWorker(this);
  }

  /** Who serves the newcomers of a worker that drains. */
  get heirs(): Heir[] {
    if (this.phase === "stopping") return [];
    const staying = this.slots.flatMap(({ current }) => (current?.serving && !current.stuck ? [current] : []));
    return staying.map(({ slot, incarnation }) => ({ slot, incarnation }));
  }

  slot(number: number): Slot {
    const slot = this.slots[number];
    if (!slot) throw new RangeError(`no slot ${number}`);
    return slot;
  }

  nextGeneration(): number {
    return ++this.#generations;
  }

  /** A reload has succeeded so far that its settings hold. */
  adopt({ generation, settings }: Reload): void {
    // A count that was scaled by hand since the start stays, unless the settings say another one than before.
    if (settings.workers !== this.settings.workers) this.workers = settings.workers;
    this.reload = undefined;
    this.generation = generation;
    this.settings = settings;
  }

  /** The candidate becomes the current one; gives the one that it replaces. */
  promote(slot: Slot, candidate: WorkerHandle): WorkerHandle | undefined {
    const replaced = slot.current;
    if (replaced) this.unseat(replaced);
    slot.current = candidate;
    slot.candidate = undefined;
    slot.restart = UNHARMED;
    return replaced;
  }

  /** The worker gives up its slot and only its end is awaited. */
  unseat(worker: WorkerHandle): void {
    const slot = this.slot(worker.slot);
    if (slot.current === worker) slot.current = undefined;
    else if (slot.candidate === worker) slot.candidate = undefined;
    else return;
    if (worker.state !== "stopped") this.leaving.push(worker);
  }

  /**
   * The worker is gone. One whose failure still decides the start or a reload keeps its seat until that is done. Gives
   * the time at which the slot may fork again, if it is to.
   */
  bury(worker: WorkerHandle, nowMs: number): number | undefined {
    this.#drops.retire(worker.stats?.dropped);
    this.#done.retire(worker.stats?.done);
    const slot = this.slot(worker.slot);
    const leavingAt = this.leaving.indexOf(worker);
    if (leavingAt !== -1) this.leaving.splice(leavingAt, 1);
    if (slot.candidate === worker && !(this.reload && slot.number < this.workers)) slot.candidate = undefined;
    return slot.current === worker ? this.#vacate(slot, worker, nowMs) : undefined;
  }

  /** What stands in the status: while a slot changes hands, two rows. */
  rows(): WorkerRow[] {
    const fallen = this.slots.slice(0, this.workers).flatMap(({ current, fallen }) => (current ? [] : (fallen ?? [])));
    const workers = [...this.everyWorker, ...fallen];
    return workers.map((worker) => this.#row(worker)).sort((a, b) => a.slot - b.slot || a.generation - b.generation);
  }

  #vacate(slot: Slot, worker: WorkerHandle, nowMs: number): number | undefined {
    if (this.phase === "starting" && worker.failure) return undefined;
    const servedMs = worker.readyAtMs === undefined ? 0 : nowMs - worker.readyAtMs;
    slot.restart = afterDeath(slot.restart, nowMs, servedMs);
    slot.restarts++;
    slot.current = undefined;
    slot.fallen = worker;
    return this.phase !== "stopping" && slot.number < this.workers ? slot.restart.notBeforeMs : undefined;
  }

  #row(worker: WorkerHandle): WorkerRow {
    const { slot, pid, generation, state, stats, stuck } = worker;
    const figures = state === "stopped" ? undefined : stats;
    return {
      slot,
      pid,
      generation,
      state,
      ...(stuck && { stuck }),
      connections: figures?.connections ?? 0,
      sessions: figures?.sessions ?? 0,
      sockets: figures?.sockets ?? 0,
      restarts: this.slot(slot).restarts,
      rssBytes: figures?.rssBytes ?? 0,
      elu: figures?.elu ?? 0,
      lagMs: figures?.lagMs ?? 0,
    };
  }
}
