/**
 * Tells whoever started the primary how it is: systemd over NOTIFY_SOCKET (sd_notify(3)), PM2 over its IPC channel. Node
 * has no datagram Unix sockets, so each word to systemd is a `systemd-notify` child, one after the other; the unit needs
 * NotifyAccess=all. With neither there, it does nothing.
 */
import { spawn } from "node:child_process";
import type { SupervisorPhase } from "./contract.js";

export interface ServiceNoticeOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Asked before each word to the watchdog. */
  readonly isWell: () => boolean;
  readonly log: { warn(fields: object, text: string): void };
}

/** Half of the period is the most that sd_watchdog_enabled(3) allows; the child takes its time, too. */
const WATCHDOG_SHARE = 0.4;
const US_PER_MS = 1_000;
/** Beyond, systemd does not read; the next word says what is true then. */
const MAX_QUEUED = 16;
const CHILD_TIMEOUT_MS = 5_000;

export class ServiceNotice {
  readonly #options: ServiceNoticeOptions;
  readonly #queue: string[][] = [];
  #telling = false;
  #watchdog: NodeJS.Timeout | undefined;
  #wasReady = false;
  #warned = false;

  constructor(options: ServiceNoticeOptions) {
    this.#options = options;
  }

  onPhase(phase: SupervisorPhase): void {
    switch (phase) {
      case "starting":
        return;
      case "running":
        return this.#ready();
      case "reloading":
        return this.#tell("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`, "STATUS=reloading");
      case "stopping":
        return this.#stopping();
    }
  }

  #ready(): void {
    this.#tell("READY=1", "STATUS=serving");
    this.#startWatchdog();
    // PM2's `wait_ready`; whoever else has forked us does not mind.
    if (!this.#wasReady && process.connected) process.send?.("ready", undefined, undefined, () => {});
    this.#wasReady = true;
  }

  #stopping(): void {
    clearInterval(this.#watchdog);
    this.#tell("STOPPING=1", "STATUS=stopping");
  }

  #startWatchdog(): void {
    const { env } = this.#options;
    const periodMs = Number(env.WATCHDOG_USEC) / US_PER_MS;
    const isForUs = (env.WATCHDOG_PID ?? String(process.pid)) === String(process.pid);
    if (this.#watchdog || !(periodMs > 0) || !isForUs) return;
    this.#watchdog = setInterval(() => this.#feedWatchdog(), periodMs * WATCHDOG_SHARE).unref();
  }

  #feedWatchdog(): void {
    if (this.#options.isWell()) this.#tell("WATCHDOG=1");
  }

  #tell(...assignments: string[]): void {
    if (!this.#options.env.NOTIFY_SOCKET || this.#queue.length >= MAX_QUEUED) return;
    this.#queue.push(assignments);
    if (!this.#telling) this.#tellNext();
  }

  #tellNext(): void {
    const assignments = this.#queue.shift();
    this.#telling = assignments !== undefined;
    if (!assignments) return;
    const child = spawn("systemd-notify", assignments, { stdio: "ignore", timeout: CHILD_TIMEOUT_MS });
    child.once("error", (error) => this.#warnOnce(error));
    child.once("close", () => this.#tellNext());
  }

  #warnOnce(error: Error): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.log.warn({ event: "notify-failed" }, `systemd cannot be told how we are: ${error.message}`);
  }
}
