/**
 * Says in the log, and counts, what happens to the fleet. What workers cause is limited to a burst and then a line a
 * second, so that a crash loop does not fill the disk; what the operator asked for is always said.
 */
import { type Limiter, limiter } from "../../log/rate.js";
import { describeEnd, whyNotReady } from "./boot-error.js";
import type { SupervisorLog } from "./contract.js";
import type { KillReason } from "./plan.js";
import type { WorkerHandle } from "./worker-handle.js";

type Level = keyof SupervisorLog;

const KILL_REASONS: Readonly<Record<KillReason, string>> = {
  "boot-timeout": "it did not get ready in time",
  "drain-timeout": "it was not gone at the end of its drain time",
  silent: "its event loop has stood still for the worker timeout",
  "half-gone": "its link had ended, its process had not",
  "load-failed": "its app failed to load",
  "not-wanted": "it is not wanted any more",
};
const LOG_INTERVAL_MS = 1_000;
/** Said where they are consequences of something that is said already. */
const QUIET_KILLS: ReadonlySet<KillReason> = new Set(["load-failed", "not-wanted"]);

export class FleetReport {
  readonly #log: SupervisorLog;
  readonly #limit: Limiter;
  readonly #counters = {
    supervisorForks: 0,
    supervisorExits: 0,
    supervisorKills: 0,
    supervisorProtocolErrors: 0,
    supervisorReloads: 0,
    supervisorReloadsFailed: 0,
    supervisorMessagesIgnored: 0,
  };

  constructor(log: SupervisorLog, clock: { now(): number }, workers: number) {
    this.#log = log;
    this.#limit = limiter(LOG_INTERVAL_MS, { burst: 2 * workers + 2, now: () => clock.now() });
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#counters;
  }

  forked(worker: WorkerHandle): void {
    this.#counters.supervisorForks++;
    this.#log.debug(about(worker, "worker-forked"), `${worker.name} was forked`);
  }

  serving(worker: WorkerHandle): void {
    this.#limited("info", about(worker, "worker-ready"), `${worker.name} is ready`);
  }

  stuck(worker: WorkerHandle): void {
    this.#limited("warn", about(worker, "worker-stuck"), `${worker.name} does not answer and gets no new connections`);
  }

  recovered(worker: WorkerHandle): void {
    this.#limited("info", about(worker, "worker-recovered"), `${worker.name} answers again`);
  }

  draining(worker: WorkerHandle, reason: string): void {
    this.#log.info({ ...about(worker, "worker-draining"), reason }, `${worker.name} drains (${reason})`);
  }

  killed(worker: WorkerHandle, reason: KillReason): void {
    this.#counters.supervisorKills++;
    if (QUIET_KILLS.has(reason)) return;
    this.#limited(
      "warn",
      { ...about(worker, "worker-killed"), reason },
      `${worker.name} is killed: ${KILL_REASONS[reason]}`,
    );
  }

  misbehaved(worker: WorkerHandle, what: string): void {
    this.#counters.supervisorProtocolErrors++;
    const fields = { ...about(worker, "worker-protocol-error"), what };
    this.#limited("error", fields, `${worker.name} is killed: protocol error, ${what}`);
  }

  /** The app speaks to a parent that is not there, as under PM2: harmless. */
  ignored(worker: WorkerHandle, what: string): void {
    this.#counters.supervisorMessagesIgnored++;
    this.#limited("warn", { ...about(worker, "worker-message-ignored"), what }, `${worker.name}: ${what}`);
  }

  gone(worker: WorkerHandle, retryInMs: number | undefined): void {
    this.#counters.supervisorExits++;
    const { end } = worker;
    if (!end) return;
    const fields = { ...about(worker, "worker-exit"), ...plain(end) };
    if (isExpected(worker)) return this.#log.info(fields, goneAsWished(worker));
    const text = `${worker.name} (pid ${worker.pid}) ${describeEnd(end)}${hint(worker)}${retry(retryInMs)}`;
    this.#limited("warn", fields, text);
  }

  /** A worker of an established fleet could not load the app; the slot tries again. */
  loadFailed(worker: WorkerHandle): void {
    if (worker.failure?.kind !== "load-failed") return;
    this.#limited("error", about(worker, "load-failed"), whyNotReady(worker));
  }

  scaled(from: number, to: number): void {
    this.#log.info({ event: "scale", from, to }, `${to} workers are wanted, ${from} were`);
  }

  reloadBegun(generation: number): void {
    this.#counters.supervisorReloads++;
    this.#log.info({ event: "reload", generation }, `reload: generation ${generation} starts`);
  }

  reloadDone(generation: number): void {
    this.#log.info({ event: "reloaded", generation }, `reload: generation ${generation} serves`);
  }

  reloadFailed(reason: string): void {
    this.#counters.supervisorReloadsFailed++;
    this.#log.error({ event: "reload-failed", reason }, `reload failed, the old workers go on: ${reason}`);
  }

  #limited(level: Level, fields: object, text: string): void {
    this.#limit((suppressed) => this.#log[level](suppressed > 0 ? { ...fields, suppressed } : fields, text));
  }
}

function about({ slot, pid, generation }: WorkerHandle, event: string) {
  return { event, slot, workerPid: pid, generation };
}

function plain(end: NonNullable<WorkerHandle["end"]>): object {
  return "forkError" in end ? { error: end.forkError.message } : end;
}

function isExpected({ state, doomed, end }: WorkerHandle): boolean {
  return doomed || (state === "draining" && end !== undefined && "code" in end && end.code === 0);
}

/** A candidate that never served shares its slot, and so its name, with the one that goes on serving. */
function goneAsWished({ name, pid, generation, serving, state }: WorkerHandle): string {
  return serving || state === "draining"
    ? `${name} (pid ${pid}) is gone`
    : `the new ${name} (pid ${pid}) of generation ${generation} was ended`;
}

function retry(inMs: number | undefined): string {
  return inMs === undefined ? "" : `; the next is forked in ${(inMs / 1_000).toFixed(1)} s`;
}

function hint({ end }: WorkerHandle): string {
  return end && "signal" in end && end.signal === "SIGKILL" ? ": perhaps out of memory?" : "";
}
