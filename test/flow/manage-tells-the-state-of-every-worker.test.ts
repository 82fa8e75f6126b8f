import { hostname } from "node:os";
import { expect, test } from "vitest";
import { clientOn } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { childrenOf } from "./support/process.js";

test("/status is the contract's object, with a row for each worker process", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const status = await host.waitForStatus(({ workers }) => workers.every(({ rssBytes }) => rssBytes > 0));
  expect(Object.keys(status)).toEqual([
    "host",
    "version",
    "uptimeMs",
    "generation",
    "state",
    "workers",
    "redis",
    "recovery",
    "counters",
  ]);
  expect(status).toMatchObject({
    host: expect.stringContaining(hostname()),
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    generation: 1,
    state: "ready",
    redis: { state: "off", hosts: 1 },
    recovery: { mode: "off", entries: 0, bytes: 0, sessions: 0 },
  });
  expect(status.uptimeMs).toBeGreaterThan(0);
  expect(status.workers.map(({ slot }) => slot)).toEqual([0, 1]);
  expect(childrenOf(host.pid)).toEqual(expect.arrayContaining(status.workers.map(({ pid }) => pid)));
  for (const row of status.workers) {
    expect(Object.keys(row)).toEqual([
      "slot",
      "pid",
      "generation",
      "state",
      "connections",
      "sessions",
      "sockets",
      "restarts",
      "rssBytes",
      "elu",
      "lagMs",
    ]);
  }
  for (const value of Object.values(status.counters)) expect(value).toBeTypeOf("number");
});

test("connections, sessions and sockets are counted where they are", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const client = await clientOn(host, 1);
  const counted = { connections: 1, sessions: 1, sockets: 1 };
  const { workers } = await host.waitForStatus(({ workers }) => workers[1]?.sockets === 1 && workers[0]?.sockets === 0);
  expect(workers[1]).toMatchObject(counted);
  client.disconnect();
  await host.waitForStatus(({ workers }) => workers[1]?.sockets === 0 && workers[1].connections === 0);
});

test("a worker that dies is replaced in its slot, which says so", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const { pid } = await host.worker(1);
  process.kill(pid, "SIGKILL");
  const status = await host.waitForStatus(
    ({ state, workers }) => state === "ready" && workers.some((row) => row.slot === 1 && row.restarts === 1),
  );
  expect(status.workers).toHaveLength(2);
  expect(status.workers[1]).toMatchObject({ slot: 1, state: "ready", generation: 1 });
  expect(status.workers[1]?.pid).not.toBe(pid);
});

test("a worker that stands still is marked, and the host is degraded until it answers again", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const { pid } = await host.worker(0);
  process.kill(pid, "SIGSTOP");
  const degraded = await host.waitForStatus(({ state }) => state === "degraded");
  expect(degraded.workers.map(({ stuck }) => stuck)).toEqual([true, undefined]);
  process.kill(pid, "SIGCONT");
  await host.waitForStatus(({ state, workers }) => state === "ready" && workers[0]?.pid === pid);
});
