import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { connect } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { cpuMs, fdCount } from "./support/process.js";
import { openRaw } from "./support/raw.js";

const ENOUGH = 1_024;

function allowDescriptors(host: Holdfast, count: number): void {
  execFileSync("prlimit", ["--pid", String(host.pid), `--nofile=${count}:${ENOUGH}`]);
}

// libuv keeps one descriptor in reserve, with which it accepts and closes what there is no room for.
test("without descriptors new connections are closed, the old ones served, and new ones again when there are some", async () => {
  const host = await startHoldfast({ app: "echo.mjs", wrapper: ["prlimit", `--nofile=${ENOUGH}`] });
  const client = await connect(host);
  const { url } = host;
  allowDescriptors(host, fdCount(host.pid) + 5);
  const silent = await Promise.all(Array.from({ length: 30 }, () => openRaw({ url })));
  await Promise.any(silent.map((connection) => connection.untilClosed()));
  const before = { lines: host.lines.length, cpuMs: cpuMs(host.pid) };
  const windowMs = 2_000;
  await pause(windowMs);
  expect(cpuMs(host.pid) - before.cpuMs).toBeLessThan(0.3 * windowMs);
  expect(host.lines.length - before.lines).toBeLessThan(3);
  expect(await client.emitWithAck("echo", "fine")).toBe("fine");

  for (const connection of silent) connection.reset();
  allowDescriptors(host, ENOUGH);
  await connect(host);
});

test("a fork that fails for want of descriptors is told and tried again, and the others serve meanwhile", async () => {
  const host = await startHoldfast({ app: "echo.mjs", wrapper: ["prlimit", `--nofile=${ENOUGH}`] });
  const { pid } = await host.worker(0);
  allowDescriptors(host, fdCount(host.pid) - 3);
  process.kill(pid, "SIGKILL");
  const failure = await host.waitForLog(({ event, error }) => event === "worker-exit" && error !== undefined);
  expect(failure).toMatchObject({ slot: 0, error: expect.stringContaining("EMFILE") });
  allowDescriptors(host, ENOUGH);
  expect((await host.worker(0)).restarts).toBeGreaterThan(1);
  await connect(host);
});
