import { expect, test } from "vitest";
import { readiness, type StatusFacts, status, type WorkerRow } from "../../../../src/primary/manage/status.js";

const OFF = { state: "off", hosts: 1 } as const;

function row(slot: number, state: WorkerRow["state"]): WorkerRow {
  return {
    slot,
    pid: 100 + slot,
    generation: 1,
    state,
    connections: 3,
    sessions: 2,
    sockets: 4,
    restarts: 0,
    rssBytes: 50_000_000,
    elu: 0.25,
    lagMs: 1.5,
  };
}

function facts(changes: Partial<StatusFacts> = {}): StatusFacts {
  return {
    host: "host-a",
    version: "1.2.3",
    uptimeMs: 2_500.5,
    generation: 1,
    phase: "running",
    wantedWorkers: 2,
    workers: [row(0, "ready"), row(1, "ready")],
    recovery: { mode: "off", entries: 0, bytes: 0, sessions: 0 },
    redis: OFF,
    counters: {},
    ...changes,
  };
}

test("the status is the contract's object, with redis and recovery off", () => {
  expect(status(facts({ counters: { acceptorRefused: 2, switchLinks: 2 } }))).toEqual({
    host: "host-a",
    version: "1.2.3",
    uptimeMs: 2501,
    generation: 1,
    state: "ready",
    workers: [row(0, "ready"), row(1, "ready")],
    redis: { state: "off", hosts: 1 },
    recovery: { mode: "off", entries: 0, bytes: 0, sessions: 0 },
    counters: { acceptorRefused: 2, switchLinks: 2 },
  });
});

test("a running host with fewer ready workers than wanted is degraded", () => {
  expect(status(facts({ workers: [row(0, "ready"), row(1, "starting")] })).state).toBe("degraded");
  expect(status(facts({ workers: [row(0, "ready"), { ...row(1, "ready"), stuck: true }] })).state).toBe("degraded");
  expect(status(facts({ workers: [] })).state).toBe("degraded");
});

test("a phase other than running is the state, whatever the workers do", () => {
  for (const phase of ["starting", "reloading", "stopping"] as const) {
    expect(status(facts({ phase })).state).toBe(phase);
  }
});

test("a host serves while it has a ready worker, also when degraded or reloading", () => {
  const workers = [row(0, "ready"), row(1, "starting")];
  for (const state of ["ready", "degraded", "reloading"] as const) {
    expect(readiness({ state, workers, redis: OFF })).toEqual({
      serving: true,
      reason: `${state}, 1 of 2 workers ready`,
    });
  }
});

test("a host that starts, stops or has no ready worker does not serve, and says why", () => {
  const workers = [row(0, "ready"), row(1, "draining")];
  expect(readiness({ state: "starting", workers, redis: OFF })).toEqual({
    serving: false,
    reason: "starting, 1 of 2 workers ready",
  });
  expect(readiness({ state: "stopping", workers, redis: OFF }).serving).toBe(false);
  expect(readiness({ state: "degraded", workers: [{ ...row(0, "ready"), stuck: true }], redis: OFF }).serving).toBe(
    false,
  );
  expect(readiness({ state: "degraded", workers: [row(0, "starting")], redis: OFF })).toEqual({
    serving: false,
    reason: "degraded, 0 of 1 workers ready",
  });
});

test("a host whose Redis is away is degraded, says so, and serves", () => {
  for (const state of ["connecting", "down"] as const) {
    const current = status(facts({ redis: { state, hosts: 1 } }));
    expect(current.state).toBe("degraded");
    expect(readiness(current)).toEqual({
      serving: true,
      reason: "degraded, 2 of 2 workers ready, Redis is away",
    });
  }
  const joined = status(facts({ redis: { state: "ready", hosts: 3 } }));
  expect(joined).toMatchObject({ state: "ready", redis: { state: "ready", hosts: 3 } });
});
