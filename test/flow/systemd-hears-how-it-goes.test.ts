import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";
import { DeadlineError, eventually } from "./support/eventually.js";
import { spawnHoldfast, startHoldfast } from "./support/holdfast.js";
import { openNotifySocket } from "./support/notify-socket.js";

/** Loads at once in slot 0, and elsewhere when the file GATE is there. */
const GATED_APP = `
  import { existsSync, watch } from "node:fs";
  import { dirname } from "node:path";
  export default async function app(io, { worker, log }) {
    if (worker.slot === 0) return log.info({ event: "test-loaded" });
    const opened = new Promise((resolve) => {
      const watcher = watch(dirname(process.env.GATE), () => existsSync(process.env.GATE) && resolve(watcher.close()));
    });
    log.info({ event: "test-waits" });
    await opened;
  }
`;

function linesOf(messages: readonly string[]): string[] {
  return messages.flatMap((message) => message.split("\n"));
}

test("systemd is told READY when the workers are, RELOADING and READY again, and STOPPING", async () => {
  const notify = await openNotifySocket();
  const host = await startHoldfast({ app: "echo.mjs", env: { NOTIFY_SOCKET: notify.path } });
  await notify.waitFor("READY=1");
  // With it systemd-notify stays until systemd has read the word, or that could not tell whose it was.
  await notify.waitFor("BARRIER=1");
  expect((await host.status()).state).toBe("ready");

  notify.messages.length = 0;
  host.signal("SIGHUP");
  const reloading = await notify.waitFor("RELOADING=1");
  expect(reloading).toMatch(/^MONOTONIC_USEC=\d+$/m);
  await notify.waitFor("READY=1", 20_000);
  const told = linesOf(notify.messages);
  expect(told.indexOf("RELOADING=1")).toBeLessThan(told.indexOf("READY=1"));
  await host.waitForStatus(({ generation }) => generation === 2);

  host.signal("SIGTERM");
  await notify.waitFor("STOPPING=1");
  expect(await host.exitedWithin(10_000)).toEqual({ code: 0, signal: null });
});

test("READY is not told before the app has loaded in every worker", async () => {
  const directory = temporaryDirectory();
  const gate = join(directory, "gate");
  const app = join(directory, "app.mjs");
  writeFileSync(app, GATED_APP);
  const notify = await openNotifySocket();
  const host = await spawnHoldfast({ app, env: { NOTIFY_SOCKET: notify.path, GATE: gate } });
  await host.waitForLog("test-loaded");
  await host.waitForLog("test-waits");
  expect(linesOf(notify.messages)).not.toContain("READY=1");
  writeFileSync(gate, "");
  await host.ready;
  await notify.waitFor("READY=1");
});

test("a reload that fails is told as READY again: the old workers serve on", async () => {
  const app = join(temporaryDirectory(), "app.mjs");
  writeFileSync(app, "export default () => {};");
  const notify = await openNotifySocket();
  const host = await startHoldfast({ app, env: { NOTIFY_SOCKET: notify.path } });
  await notify.waitFor("READY=1");
  writeFileSync(app, "throw new Error('broken deploy');");
  notify.messages.length = 0;
  host.signal("SIGHUP");
  await notify.waitFor("RELOADING=1");
  await notify.waitFor("READY=1", 20_000);
  expect(await host.status()).toMatchObject({ generation: 1, state: "ready" });
});

test("the watchdog hears of it while a worker answers, and no more when all stand still", async () => {
  const periodMs = 3_000;
  const notify = await openNotifySocket();
  const env = { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: String(periodMs * 1_000) };
  // They must stay stopped for longer than the watchdog's period, so that their replacement does not end it.
  const host = await startHoldfast({ app: "echo.mjs", args: ["--worker-timeout", "1m"], env });
  await notify.waitFor("WATCHDOG=1");
  const [first, second] = (await host.workers()).map(({ pid }) => pid) as [number, number];

  process.kill(first, "SIGSTOP");
  await host.waitForLog("worker-stuck");
  notify.messages.length = 0;
  await notify.waitFor("WATCHDOG=1");

  const after = host.lines.length;
  process.kill(second, "SIGSTOP");
  await host.waitForLog("worker-stuck", 10_000, after);
  notify.messages.length = 0;
  // One may have been on its way; in a period there would be two.
  const words = () => linesOf(notify.messages).filter((line) => line === "WATCHDOG=1").length;
  await expect(eventually(words, (count) => count > 1, { withinMs: periodMs })).rejects.toThrow(DeadlineError);

  process.kill(first, "SIGCONT");
  notify.messages.length = 0;
  await notify.waitFor("WATCHDOG=1");
  process.kill(second, "SIGCONT");
});
