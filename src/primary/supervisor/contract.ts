/**
 * What the supervisor needs: what to keep up, a way to fork, a link for each worker. primary.ts passes in what fits, the
 * tests pass in fakes; whom it tells is in hooks.ts.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { PrimaryMessage, WorkerMessage, WorkerSettings } from "../../protocol/control.js";
import type { HandOffMessage, PassMessage } from "../../protocol/hand-off.js";

/** At start, and again at each reload. */
export interface FleetSettings {
  readonly workers: number;
  readonly workerTimeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Absent: no limit. */
  readonly maxWorkerMemoryBytes?: number;
  /** Passed on to the workers as it is. */
  readonly worker: WorkerSettings;
  /** What each worker is told first, on its link: secrets, which have no place in its environment. */
  readonly firstWord?: () => PrimaryMessage;
}

export interface WorkerIdentity {
  readonly slot: number;
  /** Tells the workers apart that a slot has had; session ids carry it. */
  readonly incarnation: number;
  readonly generation: number;
}

/** Forks a worker; never throws: a fork that fails is a process that exits with `forkError`. */
export type Launch = (identity: WorkerIdentity, settings: WorkerSettings, listener: ProcessListener) => WorkerProcess;

export interface WorkerProcess {
  /** Undefined: the fork failed; `onExit` says why. */
  readonly pid: number | undefined;
  readonly link: Duplex | undefined;
  send(message: HandOffMessage, socket: Socket): void;
  /** SIGKILL: a worker that must go is not asked. */
  kill(): void;
}

export interface ProcessListener {
  /** Once, when the process has ended; never before the launch has returned. */
  onExit(end: WorkerEnd): void;
  /** What came on the IPC channel could have ended the primary, or the channel is gone: the worker must go. */
  onMisbehaviour(what: string): void;
  /** What came on the IPC channel is harmless and nobody's business. */
  onIgnored(what: string): void;
  /** A connection whose next request is of another worker. */
  onPassed(message: PassMessage, socket: Socket): void;
}

/** How a process ended: by itself, by a signal, or it never began. */
export type WorkerEnd = { readonly code: number } | { readonly signal: NodeJS.Signals } | { readonly forkError: Error };

/** The primary's end of a worker's link. */
export interface ControlLink {
  send(message: PrimaryMessage): void;
  end(): void;
}

export interface LinkEvents {
  onMessage(message: WorkerMessage): void;
  onEnd(error?: Error): void;
}

export type SupervisorPhase = "starting" | "running" | "reloading" | "stopping";

export interface SupervisorLog {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
