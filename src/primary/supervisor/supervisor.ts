/**
 * Keeps the fleet as it is wanted. Whatever happens (a signal, a crash, a worker's word) is queued; one loop takes it in,
 * asks plan.ts for the next step, and has it taken. Nothing else changes the fleet. It refuses to know who accepts
 * connections and who relays frames: primary.ts gives it hooks for both.
 */
import type { PrimaryMessage, WorkerMessage } from "../../protocol/control.js";
import type { StartError } from "./boot-error.js";
import type {
  FleetSettings,
  Launch,
  LinkEvents,
  ProcessListener,
  SupervisorLog,
  SupervisorPhase,
  WorkerEnd,
} from "./contract.js";
import { Fleet, type WorkerRow } from "./fleet.js";
import { FleetReport } from "./fleet-report.js";
import { ForgivingClock } from "./forgiving-clock.js";
import type { SupervisorHooks } from "./hooks.js";
import { everyWorker, nextStep } from "./plan.js";
import { StepTaker } from "./step-taker.js";
import type { WorkerHandle } from "./worker-handle.js";
import { WorkerLife } from "./worker-life.js";

export interface SupervisorOptions {
  readonly settings: FleetSettings;
  /** The settings as they are now, for a reload. Throws where they are wrong. */
  readonly reread: () => FleetSettings;
  readonly launch: Launch;
  readonly hooks: SupervisorHooks;
  readonly log: SupervisorLog;
}

export type StartOutcome = "ready" | "stopped";

type Wish =
  | { readonly want: "reload" | "more" | "fewer" | "stop" }
  | { readonly want: "scale"; readonly workers: number };

type Fact =
  | { readonly of: "message"; readonly worker: WorkerHandle; readonly message: WorkerMessage }
  | { readonly of: "process-end"; readonly worker: WorkerHandle; readonly end: WorkerEnd }
  | { readonly of: "link-end"; readonly worker: WorkerHandle; readonly error: Error | undefined }
  | { readonly of: "misbehaviour"; readonly worker: WorkerHandle; readonly what: string }
  | { readonly of: "wish"; readonly wish: Wish };

/** How soon the passing of time is noticed; heartbeat.ts counts on it. */
const LOOK_INTERVAL_MS = 200;

export class Supervisor {
  /** Resolves when a stop has ended and no worker is left. */
  readonly finished: Promise<void>;
  readonly #fleet: Fleet;
  readonly #clock = new ForgivingClock();
  readonly #report: FleetReport;
  readonly #life: WorkerLife;
  readonly #steps: StepTaker;
  readonly #hooks: SupervisorHooks;
  readonly #facts: Fact[] = [];
  readonly #started: Promise<StartOutcome>;
  #turnIsDue = false;
  #looking: NodeJS.Timeout | undefined;
  #settleStart: (outcome: StartOutcome, error?: StartError) => void = () => {};
  #finish: () => void = () => {};

  constructor({ settings, log, hooks, launch, reread }: SupervisorOptions) {
    this.#hooks = hooks;
    this.#fleet = new Fleet(settings);
    this.#report = new FleetReport(log, this.#clock, settings.workers);
    const surroundings = { fleet: this.#fleet, clock: this.#clock, report: this.#report, hooks };
    this.#life = new WorkerLife(surroundings);
    this.#steps = new StepTaker({
      ...surroundings,
      life: this.#life,
      launch,
      reread,
      listenToProcess: (worker) => this.#listenToProcess(worker),
      listenToLink: (worker) => this.#listenToLink(worker),
      onStarted: () => this.#settleStart("ready"),
      onFinished: (error) => this.#onFinished(error),
    });
    this.#started = new Promise((resolve, reject) => {
      this.#settleStart = (outcome, error) => (error ? reject(error) : resolve(outcome));
    });
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /**
   * Forks the workers; what was asked for before has waited. Resolves when all are ready, or when all are gone because of
   * a stop. Rejects BootError or AppLoadError.
   */
  start(): Promise<StartOutcome> {
    this.#looking = setInterval(() => this.#turn(), LOOK_INTERVAL_MS);
    this.#scheduleTurn();
    return this.#started;
  }

  /** New workers, with the app and the settings as they are now, take over. Waits for a start or reload under way. */
  reload(): void {
    this.#wish({ want: "reload" });
  }

  more(): void {
    this.#wish({ want: "more" });
  }

  /** Never below one. */
  fewer(): void {
    this.#wish({ want: "fewer" });
  }

  scale(workers: number): void {
    this.#wish({ want: "scale", workers });
  }

  /** Drains all workers; asked again, kills them. */
  stop(): void {
    this.#wish({ want: "stop" });
  }

  /** Kills all workers, whether or not they were asked to drain before. */
  stopNow(): void {
    this.stop();
    this.stop();
  }

  /** For when the primary cannot go on: no worker may outlive it. */
  killAll(): void {
    for (const worker of everyWorker(this.#fleet)) worker.kill();
  }

  get phase(): SupervisorPhase {
    const { phase, reload } = this.#fleet;
    if (phase === "stopped") return "stopping";
    return phase === "running" && reload ? "reloading" : phase;
  }

  get generation(): number {
    return this.#fleet.generation;
  }

  get wantedWorkers(): number {
    return this.#fleet.workers;
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#report.counters, workerRelays: this.#fleet.relays, ...this.#fleet.workerCounters };
  }

  /** There are workers, and not one of them answers. */
  get stalled(): boolean {
    const workers = everyWorker(this.#fleet);
    return workers.length > 0 && workers.every(({ stuck }) => stuck);
  }

  /** To every worker that there is. */
  tell(message: PrimaryMessage): void {
    for (const worker of this.#fleet.everyWorker) worker.tell(message);
  }

  workers(): WorkerRow[] {
    return this.#fleet.rows();
  }

  #wish(wish: Wish): void {
    this.#note({ of: "wish", wish });
  }

  #listenToProcess(worker: WorkerHandle): ProcessListener {
    return {
      onExit: (end) => this.#note({ of: "process-end", worker, end }),
      onMisbehaviour: (what) => this.#note({ of: "misbehaviour", worker, what }),
      onIgnored: (what) => this.#report.ignored(worker, what),
      onPassed: (message, socket) => this.#hooks.onPassed(worker, message, socket),
    };
  }

  #listenToLink(worker: WorkerHandle): LinkEvents {
    return {
      onMessage: (message) => this.#note({ of: "message", worker, message }),
      onEnd: (error) => this.#note({ of: "link-end", worker, error }),
    };
  }

  #note(fact: Fact): void {
    this.#facts.push(fact);
    this.#scheduleTurn();
  }

  #scheduleTurn(): void {
    if (this.#turnIsDue || !this.#looking) return;
    this.#turnIsDue = true;
    queueMicrotask(() => this.#turn());
  }

  /** The one loop: takes in what has happened, then does what is to be done, until there is nothing. */
  #turn(): void {
    this.#turnIsDue = false;
    for (;;) {
      for (let fact = this.#facts.shift(); fact; fact = this.#facts.shift()) this.#takeIn(fact);
      const step = nextStep(this.#fleet, this.#clock.now());
      if (!step) return;
      this.#steps.take(step);
      if (step.do === "fork" || step.do === "fork-candidate") return this.#turnAfterOthers();
    }
  }

  /** A fork takes milliseconds of the primary; between two, it serves. */
  #turnAfterOthers(): void {
    this.#turnIsDue = true;
    setImmediate(() => this.#turn());
  }

  #takeIn(fact: Fact): void {
    switch (fact.of) {
      case "message":
        return this.#life.heard(fact.worker, fact.message);
      case "process-end":
        return this.#life.processEnded(fact.worker, fact.end);
      case "link-end":
        return this.#life.linkEnded(fact.worker, fact.error);
      case "misbehaviour":
        return this.#life.misbehaved(fact.worker, fact.what);
      case "wish":
        return this.#takeInWish(fact.wish);
      default:
        return fact satisfies never;
    }
  }

  #takeInWish(wish: Wish): void {
    switch (wish.want) {
      case "reload":
        this.#fleet.reloadWanted = true;
        return;
      case "more":
        return this.#scaleTo(this.#fleet.workers + 1);
      case "fewer":
        return this.#scaleTo(this.#fleet.workers - 1);
      case "scale":
        return this.#scaleTo(wish.workers);
      case "stop":
        return this.#beginStop();
      default:
        return wish satisfies never;
    }
  }

  #scaleTo(workers: number): void {
    const from = this.#fleet.workers;
    this.#fleet.workers = workers;
    if (this.#fleet.workers !== from) this.#report.scaled(from, this.#fleet.workers);
  }

  #beginStop(): void {
    const { phase } = this.#fleet;
    if (phase === "stopped") return;
    if (phase === "stopping") this.#fleet.hurried = true;
    this.#fleet.phase = "stopping";
    this.#hooks.onPhase("stopping");
  }

  #onFinished(error: StartError | undefined): void {
    clearInterval(this.#looking);
    this.#settleStart("stopped", error);
    this.#finish();
  }
}
