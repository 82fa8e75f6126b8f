/**
 * Takes the steps that plan.ts names: forks, lets serve, drains, kills, reloads. Called by the supervisor's loop only, and
 * every step changes what the plan sees, so that it is not named again.
 */
import type { DrainReason } from "../../protocol/control.js";
import { bootError, type StartError, whyNotReady } from "./boot-error.js";
import type { FleetSettings, Launch, LinkEvents, ProcessListener } from "./contract.js";
import type { KillReason, Reload, Step } from "./plan.js";
import { WorkerHandle } from "./worker-handle.js";
import type { Surroundings, WorkerLife } from "./worker-life.js";

export interface StepTakerOptions extends Surroundings {
  readonly life: WorkerLife;
  readonly launch: Launch;
  /** Throws where the settings are wrong. */
  readonly reread: () => FleetSettings;
  readonly listenToProcess: (worker: WorkerHandle) => ProcessListener;
  readonly listenToLink: (worker: WorkerHandle) => LinkEvents;
  readonly onStarted: () => void;
  /** No worker is left. With an error: the start has failed. */
  readonly onFinished: (error: StartError | undefined) => void;
}

/** A worker that was told to be gone within a time gets this much more to end its process. */
const DRAIN_GRACE_MS = 1_000;

export class StepTaker {
  readonly #with: StepTakerOptions;
  #startError: StartError | undefined;

  constructor(options: StepTakerOptions) {
    this.#with = options;
  }

  take(step: Step): void {
    switch (step.do) {
      case "fork":
        return this.#fork(step.slot);
      case "serve":
        return this.#serve(step.worker);
      case "suspend":
        return this.#suspend(step.worker);
      case "resume":
        return this.#resume(step.worker);
      case "drain":
        return this.#drain(step.worker, step.reason);
      case "kill":
        return this.#kill(step.worker, step.why);
      case "close-link":
        return this.#closeLink(step.worker);
      case "announce":
        return this.#announce();
      case "fail-start":
        return this.#failStart(step.worker);
      case "begin-reload":
        return this.#beginReload();
      case "fork-candidate":
        return this.#forkCandidate(step.slot, step.reload);
      case "abandon-reload":
        return this.#abandonReload(step.worker);
      case "switch-over":
        return this.#switchOver(step.reload);
      case "finish":
        return this.#finish();
      default:
        return step satisfies never;
    }
  }

  #fork(slotNumber: number): void {
    const { fleet } = this.#with;
    fleet.slot(slotNumber).current = this.#launch(slotNumber, fleet.generation, fleet.settings);
  }

  #launch(slot: number, generation: number, settings: FleetSettings): WorkerHandle {
    const { fleet, clock, hooks, launch, report, listenToProcess, listenToLink } = this.#with;
    const identity = { slot, generation, incarnation: fleet.slot(slot).nextIncarnation() };
    const worker = new WorkerHandle(identity, clock.now(), settings.bootTimeoutMs);
    const process = launch(identity, settings.worker, listenToProcess(worker));
    worker.attach(process, process.link && hooks.connect(worker, process.link, listenToLink(worker)));
    if (settings.firstWord) worker.tell(settings.firstWord());
    report.forked(worker);
    return worker;
  }

  #serve(worker: WorkerHandle): void {
    const { fleet, hooks, report } = this.#with;
    worker.serving = true;
    fleet.slot(worker.slot).fallen = undefined;
    if (fleet.phase === "running") report.serving(worker);
    hooks.onReady(worker);
    if (worker.stuck) hooks.onStuck(worker);
  }

  #suspend(worker: WorkerHandle): void {
    worker.stuck = true;
    this.#with.report.stuck(worker);
    if (worker.serving) this.#with.hooks.onStuck(worker);
  }

  #resume(worker: WorkerHandle): void {
    worker.stuck = false;
    this.#with.report.recovered(worker);
    if (worker.serving) this.#with.hooks.onRecovered(worker);
  }

  #drain(worker: WorkerHandle, reason: DrainReason): void {
    const { fleet, clock, hooks, report } = this.#with;
    const withinMs = fleet.settings.drainTimeoutMs;
    fleet.unseat(worker);
    worker.state = "draining";
    worker.serving = false;
    worker.deadlineMs = clock.now() + withinMs + DRAIN_GRACE_MS;
    report.draining(worker, reason);
    hooks.onDraining(worker);
    worker.drain({ withinMs, reason, heirs: fleet.heirs });
  }

  #kill(worker: WorkerHandle, why: KillReason): void {
    if (why === "boot-timeout") worker.failure = { kind: "timeout", afterMs: worker.bootTimeoutMs };
    this.#with.report.killed(worker, why);
    this.#with.life.putDown(worker);
  }

  #closeLink(worker: WorkerHandle): void {
    worker.closeLink();
    this.#with.life.linkEnded(worker, undefined);
  }

  #announce(): void {
    this.#with.fleet.phase = "running";
    this.#with.hooks.onPhase("running");
    this.#with.onStarted();
  }

  #failStart(worker: WorkerHandle): void {
    const { fleet, hooks } = this.#with;
    this.#startError = bootError(worker);
    fleet.phase = "stopping";
    fleet.hurried = true;
    hooks.onPhase("stopping");
  }

  #finish(): void {
    this.#with.fleet.phase = "stopped";
    this.#with.onFinished(this.#startError);
  }

  #beginReload(): void {
    const { fleet, hooks, report } = this.#with;
    fleet.reloadWanted = false;
    const settings = this.#reread();
    if (!settings) return;
    fleet.reload = { generation: fleet.nextGeneration(), settings };
    report.reloadBegun(fleet.reload.generation);
    hooks.onPhase("reloading");
  }

  #reread(): FleetSettings | undefined {
    try {
      return this.#with.reread();
    } catch (error) {
      this.#with.report.reloadFailed((error as Error).message);
      return undefined;
    }
  }

  #forkCandidate(slotNumber: number, { generation, settings }: Reload): void {
    this.#with.fleet.slot(slotNumber).candidate = this.#launch(slotNumber, generation, settings);
  }

  #abandonReload(failed: WorkerHandle): void {
    const { fleet, hooks, report } = this.#with;
    for (const { candidate } of fleet.slots) if (candidate) this.#dismiss(candidate);
    fleet.reload = undefined;
    report.reloadFailed(whyNotReady(failed));
    hooks.onPhase("running");
  }

  /** All candidates serve before the first old worker drains. */
  #switchOver(reload: Reload): void {
    const { fleet, hooks, report } = this.#with;
    fleet.adopt(reload);
    const replaced = fleet.slots.map(({ candidate }) => candidate && this.#promote(candidate));
    for (const worker of replaced) if (worker) this.#dismiss(worker);
    report.reloadDone(reload.generation);
    hooks.onPhase("running");
  }

  #promote(candidate: WorkerHandle): WorkerHandle | undefined {
    const { fleet } = this.#with;
    const replaced = fleet.promote(fleet.slot(candidate.slot), candidate);
    this.#serve(candidate);
    return replaced;
  }

  #dismiss(worker: WorkerHandle): void {
    if (worker.serving) return this.#drain(worker, "reload");
    this.#with.fleet.unseat(worker);
    if (!worker.doomed && !worker.end) this.#kill(worker, "not-wanted");
  }
}
