import { expect, test } from "vitest";
import { attempt, tally } from "./support/attempt.js";
import { eventually } from "./support/eventually.js";
import { startFleet } from "./support/fleet.js";
import { startHoldfast } from "./support/holdfast.js";

const BACK_MS = 5_000;

test("a worker that is killed is replaced, its clients come back, and the others notice nothing", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 3 });
  const fleet = await startFleet(host, { websocket: 150, polling: 30 });
  const victims = fleet.on(0);
  const { pid } = await host.worker(0);
  expect(victims.length).toBeGreaterThan(0);

  const attempts = Array.from({ length: 30 }, () => attempt(host));
  process.kill(pid, "SIGKILL");
  await eventually(
    () => victims.every(({ disconnects, socket }) => disconnects === 1 && socket.connected),
    (back) => back,
    { withinMs: BACK_MS, what: "every victim back" },
  );
  const outcomes = tally(await Promise.all(attempts));
  // Those that the dead worker had taken are cut; no other may fail.
  expect(Object.keys(outcomes).filter((outcome) => outcome !== "ok" && outcome !== "reset")).toEqual([]);

  expect(fleet.disconnects()).toBe(victims.length);
  const replacement = await host.worker(0);
  expect(replacement).toMatchObject({ generation: 1, restarts: 1 });
  expect(replacement.pid).not.toBe(pid);
  const lines = host.lines.filter(({ event }) => event === "worker-exit");
  expect(lines).toEqual([expect.objectContaining({ slot: 0, workerPid: pid, signal: "SIGKILL" })]);
  expect(lines[0]?.msg).toContain("perhaps out of memory?");
});

test("with all workers killed at once nobody is refused: who comes waits for the next ones", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const workers = await host.workers();
  for (const { pid } of workers) process.kill(pid, "SIGKILL");
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => attempt(host)));
  expect(tally(outcomes)).toEqual({ ok: 50 });
  await host.waitForStatus(
    ({ state, workers }) => state === "ready" && workers.every(({ restarts }) => restarts === 1),
  );
});
