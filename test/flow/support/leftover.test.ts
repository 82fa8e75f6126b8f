import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { expectNoLeftover, isWithin, LeftoverError, marked } from "./leftover.js";
import { isAlive } from "./process.js";

const MARK = "TEST_LEFTOVER_MARK";

test("a process whose parent is gone is found by its mark, named, and ended", async () => {
  const value = randomUUID();
  const pid = await orphan(value);
  expect(marked(MARK, value)).toEqual([pid]);
  const found = expectNoLeftover(MARK, value, undefined, 0);
  await expect(found).rejects.toThrow(LeftoverError);
  await expect(found).rejects.toThrow(`${pid} sleep 1000`);
  await expect.poll(() => isAlive(pid)).toBe(false);
  await expectNoLeftover(MARK, value);
});

test("a descendant of what may live on may live on", async () => {
  const value = randomUUID();
  const child = spawn("sleep", ["1000"], { env: { ...process.env, [MARK]: value } });
  await expectNoLeftover(MARK, value, isWithin([process.pid]));
  expect(marked(MARK, value)).toEqual([child.pid]);
  child.kill();
});

/** Started by a shell that has ended. */
function orphan(value: string): Promise<number> {
  const shell = spawn("sh", ["-c", "sleep 1000 >&- 2>&- & echo $!"], { env: { ...process.env, [MARK]: value } });
  return new Promise((resolve) => {
    let said = "";
    shell.stdout.on("data", (text) => {
      said += text;
    });
    shell.on("close", () => resolve(Number(said)));
  });
}
