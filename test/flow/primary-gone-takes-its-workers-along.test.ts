import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";
import { clientOn, connect } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { childrenOf, gone } from "./support/process.js";

const WITHIN_MS = 2_000;

test("a primary that is killed leaves no worker, not even one in an endless loop, and its port is free", async () => {
  const host = await startHoldfast({ app: "spins.mjs" });
  const client = await clientOn(host, 0);
  client.emit("spin");
  await host.waitForLog("worker-stuck");
  const workers = childrenOf(host.pid);
  expect(workers).toHaveLength(2);
  host.signal("SIGKILL");
  await gone([host.pid, ...workers], WITHIN_MS);
  const next = await startHoldfast({ app: "echo.mjs", args: ["--port", new URL(host.url).port] });
  await connect(next);
});

test("a primary with an error of its own says so, kills its workers, and exits with 1", async () => {
  const fault = join(temporaryDirectory(), "fault.mjs");
  writeFileSync(fault, 'process.on("SIGPWR", () => { throw new Error("a fault of our own"); });');
  const host = await startHoldfast({ app: "echo.mjs", nodeArgs: ["--import", fault] });
  const workers = childrenOf(host.pid);
  process.kill(host.pid, "SIGPWR");
  expect(await host.exitedWithin(WITHIN_MS)).toEqual({ code: 1, signal: null });
  expect(JSON.stringify(await host.waitForLog("internal-error"))).toContain("a fault of our own");
  await gone(workers, WITHIN_MS);
});
