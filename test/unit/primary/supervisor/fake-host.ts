/** Stands for everything around a supervisor: forks no process, has every worker do what the test says. */
import { PassThrough } from "node:stream";
import { vi } from "vitest";
import type {
  FleetSettings,
  LinkEvents,
  ProcessListener,
  WorkerEnd,
  WorkerIdentity,
} from "../../../../src/primary/supervisor/contract.js";
import { Supervisor } from "../../../../src/primary/supervisor/supervisor.js";
import type { WorkerHandle } from "../../../../src/primary/supervisor/worker-handle.js";
import type { PrimaryMessage, WorkerMessage } from "../../../../src/protocol/control.js";
import { ANY_SETTINGS } from "../../protocol/worker-settings.js";

export const BEAT: WorkerMessage = {
  type: "beat",
  connections: 0,
  sessions: 0,
  sockets: 0,
  rssBytes: 0,
  elu: 0,
  lagMs: 0,
  relays: 0,
  dropped: {},
  done: {},
};

export function settingsOf(changes: Partial<FleetSettings> = {}): FleetSettings {
  return {
    workers: 2,
    workerTimeoutMs: 10_000,
    bootTimeoutMs: 30_000,
    drainTimeoutMs: 5_000,
    worker: ANY_SETTINGS,
    ...changes,
  };
}

/** A forked worker. By itself it does nothing but beat and die when it is killed. */
export class FakeWorker {
  readonly told: PrimaryMessage[] = [];
  killed = false;
  ended = false;
  stopped = false;
  handle: WorkerHandle | undefined;
  link: LinkEvents | undefined;
  readonly #beating: NodeJS.Timeout;

  constructor(
    readonly identity: WorkerIdentity,
    readonly process: ProcessListener,
    readonly pid: number,
  ) {
    this.#beating = setInterval(() => this.stopped || this.says(BEAT), 1_000);
  }

  says(message: WorkerMessage): void {
    if (!this.ended) this.link?.onMessage(message);
  }

  becomesReady(): void {
    this.says({ type: "ready" });
  }

  failsToLoad(message: string): void {
    this.says({ type: "load-failed", file: "/app.mjs", message, stack: `Error: ${message}\n    at app.mjs:1:1` });
    this.dies({ code: 4 });
  }

  dies(end: WorkerEnd): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.#beating);
    this.process.onExit(end);
    this.link?.onEnd();
  }
}

export class FakeHost {
  readonly workers: FakeWorker[] = [];
  /** What the hooks were told, as "ready 0.1": the hook, the slot, the generation. */
  readonly told: string[] = [];
  readonly log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  /** What a reload reads. */
  settings: FleetSettings | Error;
  /** What a worker does when it is forked. */
  onFork: (worker: FakeWorker) => void = (worker) => worker.becomesReady();
  readonly supervisor: Supervisor;

  constructor(settings: Partial<FleetSettings> = {}) {
    this.settings = settingsOf(settings);
    const tell = (what: string) => (worker: WorkerHandle) => {
      this.told.push(`${what} ${worker.slot}.${worker.generation}`);
    };
    this.supervisor = new Supervisor({
      settings: this.settings,
      reread: () => this.#reread(),
      launch: (identity, _, listener) => this.#launch(identity, listener),
      log: this.log,
      hooks: {
        connect: (handle, _, events) => this.#connect(handle, events),
        onReady: tell("ready"),
        onStuck: tell("stuck"),
        onRecovered: tell("recovered"),
        onDraining: tell("draining"),
        onGone: tell("gone"),
        onPassed: () => {},
        onPhase: (phase) => this.told.push(phase),
      },
    });
  }

  /** The living ones, by slot. */
  get living(): FakeWorker[] {
    return this.workers.filter(({ ended }) => !ended);
  }

  in(slot: number): FakeWorker {
    const worker = this.living.findLast(({ identity }) => identity.slot === slot);
    if (!worker) throw new Error(`no worker lives in slot ${slot}`);
    return worker;
  }

  /** Forgets what was told so far and gives it. */
  takeTold(): string[] {
    return this.told.splice(0);
  }

  events(): unknown[] {
    const calls = [...this.log.info.mock.calls, ...this.log.warn.mock.calls, ...this.log.error.mock.calls];
    return calls.map(([fields]) => (fields as { event: string }).event);
  }

  #reread(): FleetSettings {
    if (this.settings instanceof Error) throw this.settings;
    return this.settings;
  }

  #launch(identity: WorkerIdentity, listener: ProcessListener) {
    const worker = new FakeWorker(identity, listener, 100 + this.workers.length);
    this.workers.push(worker);
    queueMicrotask(() => this.onFork(worker));
    const kill = () => {
      worker.killed = true;
      queueMicrotask(() => worker.dies({ signal: "SIGKILL" }));
    };
    return { pid: worker.pid, link: new PassThrough(), send: () => {}, kill };
  }

  #connect(handle: WorkerHandle, events: LinkEvents) {
    const worker = this.workers.at(-1) as FakeWorker;
    worker.link = events;
    worker.handle = handle;
    const send = (message: PrimaryMessage) => {
      worker.told.push(message);
      if (message.type === "drain") queueMicrotask(() => this.onDrain(worker));
    };
    return { send, end: () => events.onEnd() };
  }

  /** What a worker does when it is told to drain. */
  onDrain: (worker: FakeWorker) => void = (worker) => worker.dies({ code: 0 });
}
