/**
 * Everything a test starts is registered here and stopped when the test ends, last started first; what is started
 * outside a test (in `beforeAll`) when its file ends. test/setup/flow.ts tells when that is.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "./eventually.js";
import { gone } from "./process.js";

type Stop = () => unknown;

const KILL_WITHIN_MS = 5_000;
const STOP_WITHIN_MS = 20_000;

const ofTest: Stop[] = [];
const ofFile: Stop[] = [];
let current = ofFile;

/** Runs `stop` when the running test ends, or, outside a test, when the file does. */
export function onCleanup(stop: Stop): void {
  current.push(stop);
}

export function beginTest(): void {
  current = ofTest;
}

export async function finishTest(): Promise<void> {
  current = ofFile;
  await finish(ofTest);
}

export async function finishFile(): Promise<void> {
  await finish(ofFile);
}

/** A child process that is killed at the end if it still runs. For whatever has no file of its own here. */
export function spawnTracked(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, options);
  // Without a listener a command that does not exist would end the test process; its user sees the missing pid.
  child.on("error", () => {});
  onCleanup(() => killChild(child));
  return child;
}

export async function killChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await gone(child.pid, KILL_WITHIN_MS);
}

/** An empty directory that is removed at the end. Its path is short: Unix socket paths have 107 bytes. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "hf-"));
  onCleanup(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs every stop, also when one fails, so that one failure does not leave the others' processes behind. */
async function finish(stops: Stop[]): Promise<void> {
  const errors: unknown[] = [];
  for (let stop = stops.pop(); stop; stop = stops.pop()) {
    try {
      await within(Promise.resolve(stop()), STOP_WITHIN_MS, "stopping what the test started");
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join("\n"));
}
