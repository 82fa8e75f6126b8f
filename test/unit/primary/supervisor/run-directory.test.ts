import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRunDirectory, RunDirectoryError } from "../../../../src/primary/supervisor/run-directory.js";

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "run-"));
});

afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

function create(): string {
  return createRunDirectory({ RUNTIME_DIRECTORY: parent });
}

/** As a primary of that pid and start time would have left it. */
function leftover(pid: number, startTime: number, namespace = ownNamespace()): string {
  const path = join(parent, `holdfast-${namespace}-${pid}-${startTime}-abcdef`);
  mkdirSync(path);
  writeFileSync(join(path, "worker-0-0.sock"), "");
  return path;
}

function ownNamespace(): string {
  return String(/\d+/.exec(readlinkSync("/proc/self/ns/pid")));
}

async function deadPid(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid as number;
}

test("it is the owner's alone, also under a generous umask", () => {
  const before = process.umask(0);
  const path = create();
  process.umask(before);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test("with several directories of systemd's, the first is taken", () => {
  const path = createRunDirectory({ RUNTIME_DIRECTORY: `${parent}:/run/other` });
  expect(path.startsWith(`${parent}/`)).toBe(true);
});

test("what a dead primary has left is removed", async () => {
  const old = leftover(await deadPid(), 1);
  create();
  expect(existsSync(old)).toBe(false);
});

test("what a dead primary has left is removed although its pid is another process's now, which lives on", async () => {
  const stranger = spawn("sleep", ["60"]);
  await once(stranger, "spawn");
  const old = leftover(stranger.pid as number, 1);
  create();
  expect(existsSync(old)).toBe(false);
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  stranger.kill();
  await once(stranger, "exit");
});

test("what a living primary uses stays", () => {
  const first = create();
  const second = create();
  expect([first, second].map((path) => existsSync(path))).toEqual([true, true]);
});

test("what is of another pid namespace, or nothing of ours, stays", () => {
  leftover(1, 1, "12345");
  mkdirSync(join(parent, "holdfast-notes"));
  writeFileSync(join(parent, `holdfast-${ownNamespace()}-99999-1-abcdef`), "a file");
  const path = create();
  expect(readdirSync(parent).filter((name) => name !== basename(path))).toHaveLength(3);
});

test("a directory that is not there, or not ours to write, is named", () => {
  const missing = join(parent, "missing");
  expect(() => createRunDirectory({ RUNTIME_DIRECTORY: missing })).toThrow(RunDirectoryError);
  expect(() => createRunDirectory({ RUNTIME_DIRECTORY: missing })).toThrow(missing);
});

test("a path too long for a Unix socket is named, with what helps", () => {
  const long = join(parent, "x".repeat(80));
  mkdirSync(long);
  expect(() => createRunDirectory({ RUNTIME_DIRECTORY: long })).toThrow(/too long for a Unix socket.*TMPDIR/);
  expect(readdirSync(long)).toEqual([]);
});

test("it goes with the process", () => {
  const file = new URL("../../../../src/primary/supervisor/run-directory.ts", import.meta.url);
  const program = `import { createRunDirectory } from ${JSON.stringify(file.href)}; console.log(createRunDirectory(process.env));`;
  const env = { ...process.env, RUNTIME_DIRECTORY: parent };
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const path = execFileSync(process.execPath, args, { env, encoding: "utf8" }).trim();
  expect(basename(path)).toMatch(/^holdfast-/);
  expect(existsSync(path)).toBe(false);
});
