import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { clientOn, clientsOnEach, collect, connect, disconnected, type Socket, slotOf } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { rssBytes } from "./support/process.js";
import { fence, io, run } from "./support/remote.js";

const TIMEOUT_MS = 4_000;
/** To notice the silence, and to boot another. */
const MARGIN_MS = 3_000;

/** Resolves when the worker of slot 0 has been marked, replaced, and the rest served all along. */
async function expectReplaced(host: Holdfast, pid: number, standStill: () => void): Promise<void> {
  const canary = startCanary(host);
  const startedAt = performance.now();
  standStill();
  await host.waitForLog("worker-stuck");
  const landed = await Promise.all(Array.from({ length: 20 }, () => connect(host)));
  expect(landed.map(slotOf)).not.toContain(0);
  await host.waitForLog("worker-killed", TIMEOUT_MS + MARGIN_MS);
  await host.waitForLog("worker-exit");
  const replacement = await host.worker(0);
  expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS + 2 * MARGIN_MS);
  expect(replacement.pid).not.toBe(pid);
  expect((await canary.stop()).failures).toEqual([]);
}

test("a worker that is stopped", async () => {
  const host = await startHoldfast({ app: "remote.mjs", args: ["--worker-timeout", `${TIMEOUT_MS}ms`] });
  const [stuck, other] = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
  const { pid } = await host.worker(0);
  const ended = disconnected(stuck, TIMEOUT_MS + MARGIN_MS);
  const before = rssBytes(host.pid);
  await expectReplaced(host, pid, () => process.kill(pid, "SIGSTOP"));
  await ended;
  expect(other.connected).toBe(true);
  expect(rssBytes(host.pid) - before).toBeLessThan(20 * 1024 * 1024);
});

test("a worker that spins in a handler", async () => {
  const host = await startHoldfast({ app: "spins.mjs", args: ["--worker-timeout", `${TIMEOUT_MS}ms`] });
  const client = await clientOn(host, 0);
  const { pid } = await host.worker(0);
  await expectReplaced(host, pid, () => client.emit("spin"));
});

test("a worker that is stopped for a moment comes back with all that was sent to it, in order", async () => {
  const host = await startHoldfast({ app: "remote.mjs" });
  const [paused, sender] = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
  const { pid } = await host.worker(0);
  const events = collect(paused, "count");
  process.kill(pid, "SIGSTOP");
  for (let n = 0; n < 200; n++) await run(sender, io.emit("count", n));
  await host.waitForLog("worker-stuck");
  process.kill(pid, "SIGCONT");
  await host.waitForLog("worker-recovered");
  await fence(sender, [paused]);
  expect(events.items.map(([n]) => n)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect((await host.worker(0)).pid).toBe(pid);
  await connect(host);
});

test("a primary that was stopped itself kills nobody when it goes on", async () => {
  const timeoutMs = 2_000;
  const host = await startHoldfast({ app: "echo.mjs", args: ["--worker-timeout", `${timeoutMs}ms`] });
  const before = (await host.workers()).map(({ pid }) => pid);
  const client = await connect(host);
  process.kill(host.pid, "SIGSTOP");
  await client.emitWithAck("echo", 1);
  // Longer than the workers may be silent.
  await pause(2 * timeoutMs);
  process.kill(host.pid, "SIGCONT");
  const after = await host.waitForStatus(({ workers }) => workers.every(({ stuck }) => !stuck));
  expect(after.workers.map(({ pid }) => pid)).toEqual(before);
  expect(host.lines.map(({ event }) => event)).not.toContain("worker-killed");
});
