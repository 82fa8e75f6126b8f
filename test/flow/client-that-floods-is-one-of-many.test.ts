// C20: one client that sends 10,000 events a second takes CPU of its worker, and nothing else of anybody.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { clientOn } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { rssBytes } from "./support/process.js";

const PER_SECOND = 10_000;
const SECONDS = 4;
const TICK_MS = 20;
const GROWTH_BYTES = 60e6;

test("while one client floods, others of its worker and of others are answered, and nothing piles up", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const flooder = await clientOn(host, 0);
  const others = [await clientOn(host, 0), await clientOn(host, 1)];
  const canary = startCanary(host);
  const pids = [host.pid, ...(await host.workers()).map(({ pid }) => pid)];
  const before = pids.map(rssBytes);
  const started = performance.now();
  let sent = 0;
  while (sent < PER_SECOND * SECONDS) {
    const due = Math.min(PER_SECOND * SECONDS, ((performance.now() - started) * PER_SECOND) / 1_000);
    for (; sent < due; sent++) flooder.emit("nothing", sent, "x".repeat(50));
    const answers = others.map((other) => other.timeout(10_000).emitWithAck("echo", sent));
    expect(await Promise.all(answers)).toEqual([sent, sent]);
    await pause(TICK_MS);
  }
  // All of it was read, for this is in order.
  expect(await flooder.timeout(30_000).emitWithAck("echo", "done")).toBe("done");
  expect((await canary.stop()).failures).toEqual([]);
  expect(Math.max(...pids.map((pid, i) => rssBytes(pid) - (before[i] as number)))).toBeLessThan(GROWTH_BYTES);
  expect((await host.workers()).map(({ restarts }) => restarts)).toEqual([0, 0]);
});
