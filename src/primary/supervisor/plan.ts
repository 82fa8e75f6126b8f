/**
 * Compares what is wanted with what is there and names the one step to take next. Pure: functions of the fleet and a
 * time, so every situation a fleet can be in is tested without a process. The supervisor takes the steps.
 */
import type { DrainReason } from "../../protocol/control.js";
import type { FleetSettings } from "./contract.js";
import { type Pulse, pulse } from "./heartbeat.js";
import type { Restart } from "./restart-policy.js";
import type { WorkerHandle } from "./worker-handle.js";

export type Phase = "starting" | "running" | "stopping" | "stopped";

export interface FleetView {
  readonly phase: Phase;
  /** Slots from 0 on that must have a worker. */
  readonly workers: number;
  readonly workerTimeoutMs: number;
  readonly maxWorkerMemoryBytes: number;
  /** While stopping: kill instead of drain. */
  readonly hurried: boolean;
  /** Somebody asked for a reload, and none has begun since. */
  readonly reloadWanted: boolean;
  /** A reload is under way: every slot is to get a candidate. */
  readonly reload: Reload | undefined;
  readonly slots: readonly SlotView[];
  /** Have left their slot: draining, or killed. */
  readonly leaving: readonly WorkerHandle[];
}

export interface SlotView {
  readonly number: number;
  /** The one that serves, or is to. Undefined after its death. */
  readonly current: WorkerHandle | undefined;
  /** The one that a reload has forked to take its place. */
  readonly candidate: WorkerHandle | undefined;
  readonly restart: Restart;
}

export interface Reload {
  readonly generation: number;
  readonly settings: FleetSettings;
}

export type Step =
  | { readonly do: "fork"; readonly slot: number }
  | { readonly do: "serve"; readonly worker: WorkerHandle }
  | { readonly do: "suspend" | "resume"; readonly worker: WorkerHandle }
  | { readonly do: "drain"; readonly worker: WorkerHandle; readonly reason: DrainReason }
  | { readonly do: "kill"; readonly worker: WorkerHandle; readonly why: KillReason }
  | { readonly do: "close-link"; readonly worker: WorkerHandle }
  | { readonly do: "fail-start"; readonly worker: WorkerHandle }
  | { readonly do: "announce" }
  | { readonly do: "begin-reload" }
  | { readonly do: "fork-candidate"; readonly slot: number; readonly reload: Reload }
  | { readonly do: "abandon-reload"; readonly worker: WorkerHandle }
  | { readonly do: "switch-over"; readonly reload: Reload }
  | { readonly do: "finish" };

export type KillReason = "boot-timeout" | "drain-timeout" | "silent" | "half-gone" | "load-failed" | "not-wanted";

/** Between the end of the process and that of its link there are milliseconds; this is for when one never comes. */
const HALF_GONE_MS = 1_000;

/** An app that is past the limit from its start would be replaced for ever; like this it is at a bearable pace. */
const MEMORY_AFTER_MS = 10_000;

/** Undefined: all is as it should be, until something happens or time passes. */
export function nextStep(fleet: FleetView, nowMs: number): Step | undefined {
  return workerStep(fleet, nowMs) ?? fleetStep(fleet, nowMs);
}

/** All that are not gone yet. */
export function everyWorker({ slots, leaving }: Pick<FleetView, "slots" | "leaving">): WorkerHandle[] {
  const seated = slots.flatMap(({ current, candidate }) => [current ?? [], candidate ?? []].flat());
  return [...seated, ...leaving].filter(({ state }) => state !== "stopped");
}

function workerStep(fleet: FleetView, nowMs: number): Step | undefined {
  for (const worker of everyWorker(fleet)) {
    const lifeStep = halfGoneStep(worker, nowMs) ?? overdueStep(worker, nowMs) ?? pulseStep(worker, fleet, nowMs);
    const step = lifeStep ?? resignedStep(worker) ?? memoryStep(worker, fleet, nowMs);
    if (step) return step;
  }
  return undefined;
}

function halfGoneStep(worker: WorkerHandle, nowMs: number): Step | undefined {
  if (worker.halfGoneAtMs === undefined || nowMs < worker.halfGoneAtMs + HALF_GONE_MS) return undefined;
  if (worker.linkOpen) return { do: "close-link", worker };
  return kill(worker, "half-gone");
}

function overdueStep(worker: WorkerHandle, nowMs: number): Step | undefined {
  if (worker.failure?.kind === "load-failed") return kill(worker, "load-failed");
  if (nowMs < worker.deadlineMs) return undefined;
  if (worker.state === "starting") return kill(worker, "boot-timeout");
  return worker.state === "draining" ? kill(worker, "drain-timeout") : undefined;
}

function pulseStep(worker: WorkerHandle, { workerTimeoutMs }: FleetView, nowMs: number): Step | undefined {
  if (worker.state === "starting" || worker.doomed || worker.end) return undefined;
  const steps: Record<Pulse, () => Step | undefined> = {
    lost: () => kill(worker, "silent"),
    stuck: () => (worker.stuck ? undefined : { do: "suspend", worker }),
    steady: () => (worker.stuck ? { do: "resume", worker } : undefined),
  };
  return steps[pulse(worker.lastBeatMs, nowMs, workerTimeoutMs)]();
}

/** To drain is to give up the slot, so that another is forked at once. */
function resignedStep(worker: WorkerHandle): Step | undefined {
  return worker.resigned && !worker.doomed && !worker.end ? dismiss(worker, "replace") : undefined;
}

/** One at a time: a leak is in all of them, and those that stay take the connections of the one that goes. */
function memoryStep(worker: WorkerHandle, fleet: FleetView, nowMs: number): Step | undefined {
  const { stats, readyAtMs } = worker;
  if (!stats || stats.rssBytes <= fleet.maxWorkerMemoryBytes || !worker.serving) return undefined;
  if (readyAtMs === undefined || nowMs < readyAtMs + MEMORY_AFTER_MS || isChanging(fleet)) return undefined;
  return { do: "drain", worker, reason: "memory" };
}

function isChanging({ phase, reload, slots, workers, leaving }: FleetView): boolean {
  const isWhole = slots.slice(0, workers).every(({ current }) => current?.serving);
  return phase !== "running" || reload !== undefined || leaving.length > 0 || !isWhole;
}

function kill(worker: WorkerHandle, why: KillReason): Step | undefined {
  return worker.doomed || worker.end ? undefined : { do: "kill", worker, why };
}

function fleetStep(fleet: FleetView, nowMs: number): Step | undefined {
  switch (fleet.phase) {
    case "starting":
      return startingStep(fleet) ?? slotStep(fleet, nowMs);
    case "running":
      return slotStep(fleet, nowMs) ?? reloadStep(fleet);
    case "stopping":
      return stoppingStep(fleet);
    case "stopped":
      return undefined;
  }
}

function stoppingStep(fleet: FleetView): Step | undefined {
  const workers = everyWorker(fleet);
  if (workers.length === 0) return { do: "finish" };
  for (const worker of workers) {
    const step = fleet.hurried ? kill(worker, "not-wanted") : dismiss(worker, "stop");
    if (step) return step;
  }
  return undefined;
}

function startingStep({ slots, workers }: FleetView): Step | undefined {
  const failed = slots.find(({ current }) => current?.failure)?.current;
  if (failed) return { do: "fail-start", worker: failed };
  const serving = slots.slice(0, workers).filter(({ current }) => current?.serving);
  return serving.length === workers ? { do: "announce" } : undefined;
}

function slotStep(fleet: FleetView, nowMs: number): Step | undefined {
  for (const slot of fleet.slots) {
    const step = slot.number < fleet.workers ? fillStep(slot, nowMs) : emptyStep(slot);
    if (step) return step;
  }
  return undefined;
}

function fillStep({ number, current, restart }: SlotView, nowMs: number): Step | undefined {
  if (current) return mayServe(current) ? { do: "serve", worker: current } : undefined;
  return nowMs >= restart.notBeforeMs ? { do: "fork", slot: number } : undefined;
}

function mayServe({ state, serving, doomed }: WorkerHandle): boolean {
  return state === "ready" && !serving && !doomed;
}

function emptyStep({ current, candidate }: SlotView): Step | undefined {
  if (candidate) return kill(candidate, "not-wanted");
  return current && dismiss(current, "scale");
}

/** Those that serve are asked to go; those that never did are killed. */
function dismiss(worker: WorkerHandle, reason: DrainReason): Step | undefined {
  if (worker.state === "draining") return undefined;
  return worker.serving ? { do: "drain", worker, reason } : kill(worker, "not-wanted");
}

function reloadStep(fleet: FleetView): Step | undefined {
  const { reload } = fleet;
  if (!reload) return fleet.reloadWanted ? { do: "begin-reload" } : undefined;
  const wanted = fleet.slots.slice(0, fleet.workers);
  const candidates = wanted.flatMap(({ candidate }) => candidate ?? []);
  const failed = candidates.find(({ failure, doomed, end }) => failure || doomed || end);
  if (failed) return { do: "abandon-reload", worker: failed };
  return candidateStep(wanted, candidates, reload);
}

/** The first candidate goes alone, so that a broken deploy costs one fork. */
function candidateStep(
  wanted: readonly SlotView[],
  candidates: readonly WorkerHandle[],
  reload: Reload,
): Step | undefined {
  const isReady = ({ state }: WorkerHandle) => state === "ready";
  const empty = wanted.find(({ candidate }) => !candidate);
  if (!empty) return candidates.every(isReady) ? { do: "switch-over", reload } : undefined;
  const mayFork = candidates.length === 0 || candidates.some(isReady);
  return mayFork ? { do: "fork-candidate", slot: empty.number, reload } : undefined;
}
