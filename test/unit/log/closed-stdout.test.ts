import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("chatty-program.ts", import.meta.url));

test("a process goes on when the readers of its stdout and stderr have gone", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const exit = once(child, "exit");
  const { stdout, stderr } = child as ChildProcessByStdio<null, Readable, Readable>;
  await once(stdout, "data");
  stdout.destroy();
  stderr.destroy();
  await Promise.all([once(stdout, "close"), once(stderr, "close")]);
  child.send("log on");
  expect(await once(child, "message")).toContain("still here");
  child.disconnect();
  expect(await exit).toEqual([0, null]);
});

test("a full disk ends nothing", async () => {
  const child = spawn("/bin/sh", ["-c", 'exec "$0" --import tsx "$1" > /dev/full 2>&1', process.execPath, PROGRAM], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const exit = once(child, "exit");
  child.send("log on");
  expect(await once(child, "message")).toContain("still here");
  child.disconnect();
  expect(await exit).toEqual([0, null]);
});
