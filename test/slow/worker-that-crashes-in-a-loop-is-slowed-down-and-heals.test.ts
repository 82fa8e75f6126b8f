import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../flow/support/cleanup.js";
import { connect } from "../flow/support/client.js";
import { type Holdfast, startHoldfast } from "../flow/support/holdfast.js";
import { cpuMs } from "../flow/support/process.js";

const WORKERS = 2;
const WINDOW_MS = 10_000;

test("workers that exit a second after they were ready", async () => {
  const app = join(temporaryDirectory(), "app.mjs");
  writeFileSync(app, "export default () => void setTimeout(() => process.exit(1), 1_000);");
  const host = await startHoldfast({ app, workers: WORKERS });
  await host.waitForStatus(({ state }) => state === "degraded");
  const forks = async () => (await host.status()).counters.supervisorForks ?? 0;

  await pause(WINDOW_MS);
  const before = { forks: await forks(), lines: host.lines.length, cpuMs: cpuMs(host.pid) };
  await pause(WINDOW_MS);
  expect(((await forks()) - before.forks) / WORKERS).toBeLessThanOrEqual(WINDOW_MS / 1_000);
  expect(host.lines.length - before.lines).toBeLessThanOrEqual(WINDOW_MS / 1_000 + 1);
  expect(cpuMs(host.pid) - before.cpuMs).toBeLessThan(0.2 * WINDOW_MS);

  writeFileSync(app, "export default () => {};");
  host.signal("SIGHUP");
  await healed(host);
  await connect(host);
});

test("workers that cannot load the app any more", async () => {
  const app = join(temporaryDirectory(), "app.mjs");
  writeFileSync(
    app,
    'export default (io) => io.on("connection", (socket) => socket.on("exit", () => process.exit(1)));',
  );
  const host = await startHoldfast({ app, workers: WORKERS });
  const client = await connect(host);
  writeFileSync(app, 'throw new Error("broken meanwhile");');
  client.emit("exit");
  expect((await host.waitForLog("load-failed")).msg).toContain("broken meanwhile");
  await host.waitForStatus(
    ({ state, workers }) => state === "degraded" && workers.some(({ restarts }) => restarts > 2),
  );
  await connect(host);
  writeFileSync(app, "export default () => {};");
  await healed(host, 1);
});

async function healed(host: Holdfast, generation = 2): Promise<void> {
  await host.waitForStatus(
    (status) => status.state === "ready" && status.generation === generation && status.workers.length === WORKERS,
  );
}
