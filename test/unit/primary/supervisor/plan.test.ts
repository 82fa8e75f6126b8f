import { describe, expect, test } from "vitest";
import { type FleetView, nextStep, type SlotView } from "../../../../src/primary/supervisor/plan.js";
import { UNHARMED } from "../../../../src/primary/supervisor/restart-policy.js";
import { WorkerHandle } from "../../../../src/primary/supervisor/worker-handle.js";
import { settingsOf } from "./fake-host.js";

const NOW = 100_000;

/** Forked and last heard of now. */
function worker(slot: number, changes: Partial<WorkerHandle> = {}): WorkerHandle {
  const handle = new WorkerHandle({ slot, incarnation: 0, generation: 1 }, NOW, 30_000);
  return Object.assign(handle, { lastBeatMs: NOW, linkOpen: true }, changes);
}

function serving(slot: number, changes: Partial<WorkerHandle> = {}): WorkerHandle {
  return worker(slot, { state: "ready", serving: true, ...changes });
}

function slot(number: number, changes: Partial<SlotView> = {}): SlotView {
  return { number, current: serving(number), candidate: undefined, restart: UNHARMED, ...changes };
}

function fleet(changes: Partial<FleetView> = {}): FleetView {
  return {
    phase: "running",
    workers: 2,
    workerTimeoutMs: 10_000,
    maxWorkerMemoryBytes: 1_000,
    hurried: false,
    reloadWanted: false,
    reload: undefined,
    slots: [slot(0), slot(1)],
    leaving: [],
    ...changes,
  };
}

const RELOAD = { generation: 2, settings: settingsOf() };

test("a fleet that is as it is wanted needs nothing", () => {
  expect(nextStep(fleet(), NOW)).toBeUndefined();
});

describe("an empty slot", () => {
  const harmed = { deaths: 1, notBeforeMs: NOW };
  const view = fleet({ slots: [slot(0), slot(1, { current: undefined, restart: harmed })] });

  test("waits for its time", () => {
    expect(nextStep(view, NOW - 1)).toBeUndefined();
  });

  test("then forks", () => {
    expect(nextStep(view, NOW)).toEqual({ do: "fork", slot: 1 });
  });

  test("beyond the number that is wanted does not fork", () => {
    expect(nextStep({ ...view, workers: 1 }, NOW)).toBeUndefined();
  });
});

describe("a worker", () => {
  test("whose time to boot is up is killed, once", () => {
    const late = worker(0, { deadlineMs: NOW });
    const view = fleet({ slots: [slot(0, { current: late }), slot(1)] });
    expect(nextStep(view, NOW)).toEqual({ do: "kill", worker: late, why: "boot-timeout" });
    late.doomed = true;
    expect(nextStep(view, NOW)).toBeUndefined();
  });

  test("that drains beyond its time is killed", () => {
    const late = worker(0, { state: "draining", deadlineMs: NOW });
    expect(nextStep(fleet({ leaving: [late] }), NOW)).toEqual({ do: "kill", worker: late, why: "drain-timeout" });
  });

  test("that drains is watched like the others", () => {
    const silent = worker(0, { state: "draining", lastBeatMs: NOW - 10_000 });
    expect(nextStep(fleet({ leaving: [silent] }), NOW)).toEqual({ do: "kill", worker: silent, why: "silent" });
  });

  test("that was told to end by somebody else drains, to be replaced; one that does not serve yet is killed", () => {
    const resigned = serving(0, { resigned: true });
    const view = fleet({ slots: [slot(0, { current: resigned }), slot(1)] });
    expect(nextStep(view, NOW)).toEqual({ do: "drain", worker: resigned, reason: "replace" });
    resigned.serving = false;
    expect(nextStep(view, NOW)).toEqual({ do: "kill", worker: resigned, why: "not-wanted" });
    resigned.state = "draining";
    expect(nextStep(view, NOW)).toBeUndefined();
  });

  describe("that has grown past the limit", () => {
    const grown = (slot: number, changes: Partial<WorkerHandle> = {}) =>
      serving(slot, { stats: { rssBytes: 1_001 } as WorkerHandle["stats"], readyAtMs: NOW - 10_000, ...changes });

    test("drains, one after the other", () => {
      const [first, second] = [grown(0), grown(1)];
      const slots = [slot(0, { current: first }), slot(1, { current: second })];
      expect(nextStep(fleet({ slots }), NOW)).toEqual({ do: "drain", worker: first, reason: "memory" });
      first.state = "draining";
      first.serving = false;
      const rest = [slot(0), slot(1, { current: second })];
      expect(nextStep(fleet({ leaving: [first], slots: rest }), NOW)).toBeUndefined();
      expect(nextStep(fleet({ slots: rest }), NOW)).toEqual({ do: "drain", worker: second, reason: "memory" });
    });

    test("stays while another boots, a reload is under way, or it has hardly begun", () => {
      const slots = [slot(0, { current: grown(0) }), slot(1)];
      expect(nextStep(fleet({ slots: [slots[0] as SlotView, slot(1, { current: worker(1) })] }), NOW)).toBeUndefined();
      expect(nextStep(fleet({ slots, reload: RELOAD }), NOW)).toMatchObject({ do: "fork-candidate" });
      const young = [slot(0, { current: grown(0, { readyAtMs: NOW - 9_999 }) }), slot(1)];
      expect(nextStep(fleet({ slots: young }), NOW)).toBeUndefined();
      expect(nextStep(fleet({ slots, maxWorkerMemoryBytes: 1_001 }), NOW)).toBeUndefined();
    });
  });

  test("that boots is not expected to beat", () => {
    const booting = worker(0, { lastBeatMs: 0 });
    expect(nextStep(fleet({ slots: [slot(0, { current: booting }), slot(1)] }), NOW)).toBeUndefined();
  });

  test("that is silent is dealt with before anything is forked", () => {
    const silent = serving(1, { lastBeatMs: NOW - 3_000 });
    const view = fleet({ slots: [slot(0, { current: undefined }), slot(1, { current: silent })] });
    expect(nextStep(view, NOW)).toEqual({ do: "suspend", worker: silent });
  });
});

describe("a reload", () => {
  test("forks one candidate alone, and the next when that is ready", () => {
    expect(nextStep(fleet({ reload: RELOAD }), NOW)).toMatchObject({ do: "fork-candidate", slot: 0 });
    const candidate = worker(0);
    const view = fleet({ reload: RELOAD, slots: [slot(0, { candidate }), slot(1)] });
    expect(nextStep(view, NOW)).toBeUndefined();
    candidate.state = "ready";
    expect(nextStep(view, NOW)).toMatchObject({ do: "fork-candidate", slot: 1 });
  });

  test.each<[string, Partial<WorkerHandle>]>([
    ["has failed", { failure: { kind: "timeout", afterMs: 1 } }],
    ["is being killed", { state: "ready", doomed: true }],
    ["has ended after it was ready", { state: "ready", end: { code: 1 } }],
  ])("is given up when a candidate %s", (_, changes) => {
    const failed = worker(1, changes);
    const slots = [slot(0, { candidate: worker(0, { state: "ready" }) }), slot(1, { candidate: failed })];
    expect(nextStep(fleet({ reload: RELOAD, slots }), NOW)).toEqual({ do: "abandon-reload", worker: failed });
  });

  test("waits for one that is under way", () => {
    const view = fleet({ reload: RELOAD, reloadWanted: true, slots: [slot(0, { candidate: worker(0) }), slot(1)] });
    expect(nextStep(view, NOW)).toBeUndefined();
  });

  test("does not keep a dead worker from being replaced", () => {
    const slots = [slot(0, { candidate: worker(0) }), slot(1, { current: undefined })];
    expect(nextStep(fleet({ reload: RELOAD, slots }), NOW)).toEqual({ do: "fork", slot: 1 });
  });
});

describe("a stop", () => {
  test("drains those that serve and kills those that never did", () => {
    const booting = worker(1);
    const slots = [slot(0), slot(1, { current: booting })];
    expect(nextStep(fleet({ phase: "stopping", slots: [slots[1] as SlotView] }), NOW)).toEqual({
      do: "kill",
      worker: booting,
      why: "not-wanted",
    });
    expect(nextStep(fleet({ phase: "stopping", slots }), NOW)).toMatchObject({ do: "drain", reason: "stop" });
  });

  test("in a hurry kills also those that drain", () => {
    const draining = worker(0, { state: "draining", deadlineMs: NOW + 1 });
    const view = fleet({ phase: "stopping", hurried: true, slots: [], leaving: [draining] });
    expect(nextStep(view, NOW)).toEqual({ do: "kill", worker: draining, why: "not-wanted" });
  });

  test("has finished when nobody is left, and then does nothing more", () => {
    expect(nextStep(fleet({ phase: "stopping", slots: [] }), NOW)).toEqual({ do: "finish" });
    expect(nextStep(fleet({ phase: "stopped", slots: [] }), NOW)).toBeUndefined();
  });
});
