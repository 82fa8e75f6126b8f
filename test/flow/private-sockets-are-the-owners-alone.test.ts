import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { environmentOf } from "./support/process.js";
import { openRaw, type RawConnection } from "./support/raw.js";

const run = promisify(execFile);

async function runDirectoryOf(host: Holdfast): Promise<string> {
  const { pid } = await host.worker(0);
  const birth = environmentOf(pid).find((entry) => entry.startsWith("HOLDFAST_WORKER=")) ?? "";
  return JSON.parse(birth.slice("HOLDFAST_WORKER=".length)).runDirectory;
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

test("the run directory is its owner's alone, holds a socket for each worker, and goes with the primary", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const directory = await runDirectoryOf(host);
  const sockets = readdirSync(directory);
  expect(sockets).toHaveLength(2);
  expect(modeOf(directory)).toBe(0o700);
  for (const name of sockets) expect(modeOf(join(directory, name))).toBe(0o600);
  process.kill((await host.worker(0)).pid, "SIGKILL");
  await host.waitForStatus(({ state, workers }) => state === "ready" && workers.some(({ restarts }) => restarts === 1));
  for (const name of readdirSync(directory)) expect(modeOf(join(directory, name))).toBe(0o600);
  await host.stop();
  expect(existsSync(directory)).toBe(false);
});

test.runIf(process.getuid?.() === 0)("another user cannot connect to a private socket", async () => {
  const host = await startHoldfast({ app: "echo.mjs" });
  const directory = await runDirectoryOf(host);
  const path = join(directory, readdirSync(directory)[0] as string);
  const script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
  const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/env", "python3", "-c", script, path];
  await expect(run("setpriv", asNobody)).rejects.toThrow(/PermissionError/);
});

test("noise and silent connections on a private socket leave the service as it was", async () => {
  const host = await startHoldfast({ app: "echo.mjs" });
  const directory = await runDirectoryOf(host);
  const pids = (await host.workers()).map(({ pid }) => pid);
  const canary = startCanary(host);
  const silent: RawConnection[] = [];
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    for (const bytes of [randomBytes(100_000), Buffer.alloc(1_000_000, "a"), Buffer.from("GET / HT")]) {
      const noisy = await openRaw({ path });
      noisy.write(bytes);
      noisy.halfClose();
      await noisy.untilClosed(15_000);
    }
    for (let i = 0; i < 200; i++) silent.push(await openRaw({ path }));
  }
  expect((await canary.stop()).failures).toEqual([]);
  expect((await host.workers()).map(({ pid }) => pid)).toEqual(pids);
});
