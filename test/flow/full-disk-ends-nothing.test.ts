// F02: where the run directory's disk is full, no worker can be made. The others serve on, and it heals by itself.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onCleanup, temporaryDirectory } from "./support/cleanup.js";
import { connect } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";

const INODES = 20;

/** To mount is root's. */
function mounted(): string | undefined {
  const directory = join(temporaryDirectory(), "run");
  mkdirSync(directory);
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=64k,nr_inodes=${INODES}`, "tmpfs", directory]);
  if (status !== 0) return undefined;
  onCleanup(() => void execFileSync("umount", ["-l", directory]));
  return directory;
}

test("a full run directory costs the worker that dies then its place, until there is room", async ({ skip }) => {
  const directory = mounted();
  if (directory === undefined) return skip("no right to mount a file system");
  const host = await startHoldfast({ app: "echo.mjs", workers: 2, env: { RUNTIME_DIRECTORY: directory } });
  const [victim, survivor] = await host.workers();
  const files = fill(directory);
  process.kill(victim?.pid as number, "SIGKILL");
  const crash = await host.waitForLog("worker-crash");
  expect(JSON.stringify(crash)).toContain("ENOSPC");
  const client = await connect(host);
  expect(await client.emitWithAck("who")).toMatchObject({ pid: survivor?.pid });
  for (const file of files) rmSync(file);
  await host.waitForStatus(
    ({ workers }) => workers.every(({ state, pid }) => state === "ready" && pid !== victim?.pid),
    30_000,
  );
  expect(await client.emitWithAck("echo", 1)).toBe(1);
});

function fill(directory: string): string[] {
  const files: string[] = [];
  for (;;) {
    const file = join(directory, String(files.length));
    try {
      writeFileSync(file, "");
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
      return files;
    }
    files.push(file);
  }
}
