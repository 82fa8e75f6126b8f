import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { attempt, tally } from "./support/attempt.js";
import { killChild, onCleanup, temporaryDirectory } from "./support/cleanup.js";
import { within } from "./support/eventually.js";
import { freePort } from "./support/free-port.js";
import { spawnHoldfast, startHoldfast } from "./support/holdfast.js";
import { gone } from "./support/process.js";

test("the ready line names the address, the workers and the management address", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 3 });
  expect(await host.ready).toMatchObject({
    event: "ready",
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    workers: 3,
    manage: expect.stringMatching(/127\.0\.0\.1:\d+$/),
  });
  expect((await host.workers()).map(({ state, generation }) => [state, generation])).toEqual([
    ["ready", 1],
    ["ready", 1],
    ["ready", 1],
  ]);
});

test("who comes before the workers are ready waits for them", async () => {
  const port = await freePort();
  const host = await spawnHoldfast({
    app: "slow-boot.mjs",
    args: ["--port", String(port)],
    env: { SLOW_BOOT_MS: "1500" },
  });
  await host.waitForLog("workers");
  const url = `http://127.0.0.1:${port}`;
  let early = await attempt({ url });
  while (early.outcome === "refused") early = await attempt({ url });
  expect(early.outcome).toBe("ok");
  await host.ready;
});

test("a parent that has given it a channel, as PM2 does, is told once", async () => {
  const primary = `${process.env.TEST_DIST ?? "dist"}/primary.js`;
  const args = ["test/fixtures/echo.mjs", "--port", "0", "--host", "127.0.0.1", "--manage", "off", "--workers", "1"];
  const child = fork(primary, args, { silent: true });
  onCleanup(() => killChild(child));
  const [message] = await within(once(child, "message"), 20_000, "the message ready");
  expect(message).toBe("ready");
  child.kill("SIGTERM");
  await once(child, "exit");
});

test("what a primary that was killed has left is removed by the next", async () => {
  const directory = temporaryDirectory();
  const env = { TMPDIR: directory };
  const first = await startHoldfast({ app: "echo.mjs", env });
  const [left] = readdirSync(directory);
  first.signal("SIGKILL");
  await first.exited;
  expect(existsSync(`${directory}/${left}`)).toBe(true);
  const second = await startHoldfast({ app: "echo.mjs", env });
  expect(readdirSync(directory)).toHaveLength(1);
  expect(readdirSync(directory)).not.toContain(left);
  expect(tally([await attempt(second)])).toEqual({ ok: 1 });
  await second.stop();
  expect(readdirSync(directory)).toEqual([]);
});

test("a reload that was asked for before it was ready comes after", async () => {
  const host = await spawnHoldfast({ app: "slow-boot.mjs", env: { SLOW_BOOT_MS: "800" } });
  await host.waitForLog("workers");
  host.signal("SIGHUP");
  await host.ready;
  await host.waitForStatus(({ generation, state }) => generation === 2 && state === "ready");
});

test("a stop that is asked for before it was ready ends it with 0 and leaves nothing", async () => {
  const host = await spawnHoldfast({
    app: "slow-boot.mjs",
    env: { SLOW_BOOT_MS: "5000" },
    args: ["--log-level", "debug"],
  });
  const { workerPid } = await host.waitForLog("worker-forked");
  host.signal("SIGTERM");
  expect(await host.exitedWithin(3_000)).toEqual({ code: 0, signal: null });
  await gone(Number(workerPid));
});
