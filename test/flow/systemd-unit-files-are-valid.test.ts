import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** `systemd-analyze verify` wants the program of ExecStart to exist, so the installed paths are put for ours. */
function installed(name: string, directory: string): string {
  const text = readFileSync(join(ROOT, "deploy", name), "utf8")
    .replaceAll("/opt/holdfast/", ROOT)
    .replaceAll("/usr/bin/node", process.execPath);
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

test("systemd-analyze has nothing to say about the units, alone or together", async () => {
  const directory = temporaryDirectory();
  const service = installed("holdfast.service", directory);
  // It returns 0 on unknown keys too: what counts is that nothing is said.
  expect((await run("systemd-analyze", ["verify", service])).stderr).toBe("");
  const socket = installed("holdfast.socket", directory);
  expect((await run("systemd-analyze", ["verify", service, socket])).stderr).toBe("");
});

test("the unit's times leave Holdfast its own", () => {
  const unit = readFileSync(join(ROOT, "deploy/holdfast.service"), "utf8");
  const seconds = (key: string) => Number(new RegExp(`^${key}=(\\d+)$`, "m").exec(unit)?.[1]);
  // The defaults of --drain-timeout, --boot-timeout and --worker-timeout.
  expect(seconds("TimeoutStopSec")).toBeGreaterThan(25);
  expect(seconds("TimeoutStartSec")).toBeGreaterThan(30);
  expect(seconds("WatchdogSec")).toBeGreaterThan(2 * 10);
});

test("systemd-analyze counts the service among the well protected", async () => {
  const service = installed("holdfast.service", temporaryDirectory());
  const { stdout } = await run("systemd-analyze", ["security", "--offline=true", "--no-pager", service]);
  const exposure = Number(/Overall exposure level[^:]*: ([\d.]+)/.exec(stdout)?.[1]);
  expect(exposure).toBeLessThan(3);
});
