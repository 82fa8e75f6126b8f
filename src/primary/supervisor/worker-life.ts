/**
 * What a worker's word, and its end, mean to the fleet. Called by the supervisor's loop only. A worker is gone when its
 * process has ended and its link has been read out: what it wrote last (a connection taken, a frame) still counts.
 */
import type { WorkerMessage } from "../../protocol/control.js";
import type { WorkerEnd } from "./contract.js";
import type { Fleet } from "./fleet.js";
import type { FleetReport } from "./fleet-report.js";
import type { SupervisorHooks } from "./hooks.js";
import type { WorkerHandle } from "./worker-handle.js";

export interface Surroundings {
  readonly fleet: Fleet;
  readonly clock: { now(): number };
  readonly report: FleetReport;
  readonly hooks: SupervisorHooks;
}

export class WorkerLife {
  readonly #fleet: Fleet;
  readonly #clock: { now(): number };
  readonly #report: FleetReport;
  readonly #hooks: SupervisorHooks;

  constructor({ fleet, clock, report, hooks }: Surroundings) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#report = report;
    this.#hooks = hooks;
  }

  heard(worker: WorkerHandle, message: WorkerMessage): void {
    switch (message.type) {
      case "ready":
        return this.#becameReady(worker);
      case "load-failed":
        worker.failure ??= { kind: "load-failed", ...message };
        return;
      case "beat":
        worker.stats = message;
        worker.lastBeatMs = this.#clock.now();
        return;
      case "resign":
        worker.resigned = true;
        return;
      case "hello":
        return;
      default:
        return message satisfies never;
    }
  }

  processEnded(worker: WorkerHandle, end: WorkerEnd): void {
    worker.end = end;
    if (worker.state === "starting") worker.failure ??= { kind: "end", end };
    this.#buryWhenGone(worker);
  }

  /** With an error: what came on the link was not of the protocol. */
  linkEnded(worker: WorkerHandle, error: Error | undefined): void {
    if (!worker.linkOpen) return;
    worker.linkOpen = false;
    if (error) this.misbehaved(worker, error.message);
    this.#buryWhenGone(worker);
  }

  misbehaved(worker: WorkerHandle, what: string): void {
    if (worker.doomed || worker.end) return;
    this.#report.misbehaved(worker, what);
    this.putDown(worker);
  }

  /** Kills it, and until it is dead nobody sends it anything. */
  putDown(worker: WorkerHandle): void {
    if (worker.serving && !worker.stuck) this.#hooks.onStuck(worker);
    worker.stuck = true;
    worker.kill();
  }

  #becameReady(worker: WorkerHandle): void {
    if (worker.state !== "starting" || worker.doomed) return;
    worker.state = "ready";
    worker.readyAtMs = this.#clock.now();
    worker.lastBeatMs = worker.readyAtMs;
  }

  #buryWhenGone(worker: WorkerHandle): void {
    if (!worker.end || worker.linkOpen) {
      worker.halfGoneAtMs = this.#clock.now();
      return;
    }
    const isCurrent = this.#fleet.slot(worker.slot).current === worker;
    const nowMs = this.#clock.now();
    const retryAtMs = this.#fleet.bury(worker, nowMs);
    this.#report.gone(worker, retryAtMs === undefined ? undefined : retryAtMs - nowMs);
    if (isCurrent && this.#fleet.phase === "running") this.#report.loadFailed(worker);
    worker.state = "stopped";
    worker.serving = false;
    this.#hooks.onGone(worker);
  }
}
