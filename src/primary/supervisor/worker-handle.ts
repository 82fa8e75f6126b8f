/**
 * The primary's view of one worker process (the process itself: src/worker.ts). It keeps what is known of the worker and
 * passes on what it is told to; it decides nothing, and only the supervisor changes its state.
 */
import type { Socket } from "node:net";
import type { DrainOrder, PrimaryMessage, WorkerStats } from "../../protocol/control.js";
import type { HandOffMessage } from "../../protocol/hand-off.js";
import type { ControlLink, WorkerEnd, WorkerIdentity, WorkerProcess } from "./contract.js";

export type WorkerState = "starting" | "ready" | "draining" | "stopped";

/** Why a worker was not ready in the end. */
export type BootFailure =
  | { readonly kind: "load-failed"; readonly file: string; readonly message: string; readonly stack: string }
  | { readonly kind: "timeout"; readonly afterMs: number }
  | { readonly kind: "end"; readonly end: WorkerEnd };

export class WorkerHandle implements WorkerIdentity {
  readonly slot: number;
  readonly incarnation: number;
  readonly generation: number;
  readonly bootTimeoutMs: number;
  state: WorkerState = "starting";
  /** It has connections and may get more. A reload's workers are ready for a while before they serve. */
  serving = false;
  stuck = false;
  /** It was told to end by somebody else, and is to be replaced. */
  resigned = false;
  /** We have killed it, and await its end. */
  doomed = false;
  failure: BootFailure | undefined;
  stats: WorkerStats | undefined;
  lastBeatMs = 0;
  readyAtMs: number | undefined;
  /** When it must be ready, then, once draining, when it must be gone. */
  deadlineMs: number;
  /** Undefined while the process runs. */
  end: WorkerEnd | undefined;
  /** What the worker wrote before it died still comes, so it is not gone before its link has been read out. */
  linkOpen = false;
  /** Since when one of process and link has ended without the other. */
  halfGoneAtMs: number | undefined;
  #process: WorkerProcess | undefined;
  #link: ControlLink | undefined;

  constructor(identity: WorkerIdentity, forkedAtMs: number, bootTimeoutMs: number) {
    this.slot = identity.slot;
    this.incarnation = identity.incarnation;
    this.generation = identity.generation;
    this.bootTimeoutMs = bootTimeoutMs;
    this.deadlineMs = forkedAtMs + bootTimeoutMs;
  }

  /** By the slot, as /status, an app's context and the chat page number it. */
  get name(): string {
    return `worker ${this.slot}`;
  }

  /** 0 when the fork failed. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  attach(process: WorkerProcess, link: ControlLink | undefined): void {
    this.#process = process;
    this.#link = link;
    this.linkOpen = link !== undefined;
  }

  /** Hands a connection over. Nothing is reported: the worker's word or its end tells what became of it. */
  send(message: HandOffMessage, socket: Socket): void {
    this.#process?.send(message, socket);
  }

  tell(message: PrimaryMessage): void {
    this.#link?.send(message);
  }

  drain(order: DrainOrder): void {
    this.tell({ type: "drain", ...order });
  }

  kill(): void {
    this.doomed = true;
    this.#process?.kill();
  }

  closeLink(): void {
    this.#link?.end();
  }
}
