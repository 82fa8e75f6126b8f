import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginTest, finishTest, killChild, onCleanup, temporaryDirectory } from "../../flow/support/cleanup.js";
import { gone, isAlive } from "../../flow/support/process.js";

beforeEach(beginTest);
afterEach(finishTest);

const WATCHDOG = new URL("../../../src/worker/watchdog.ts", import.meta.url).href;

test("a process that spins is gone soon after its parent is", async () => {
  const { parent, child } = await startFamily(
    `startWatchdog(process.ppid); console.log(process.pid); setTimeout(() => { for (;;); }, 50);`,
  );
  parent.kill("SIGKILL");
  await gone(child, 2_000);
});

test("a process whose parent lives is left alone, and is not kept alive either", async () => {
  const { child, parent } = await startFamily(
    `startWatchdog(process.ppid); console.log(process.pid); process.stdin.once("end", () => {}).resume();`,
  );
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(isAlive(child)).toBe(true);
  parent.stdin?.end();
  await gone(child, 2_000);
});

/** A parent that starts a child which runs the code. */
async function startFamily(code: string) {
  const directory = temporaryDirectory();
  const childFile = join(directory, "child.ts");
  writeFileSync(childFile, `import { startWatchdog } from ${JSON.stringify(WATCHDOG)};\n${code}`);
  const node = [process.execPath, "--import", import.meta.resolve("tsx"), childFile];
  const script = `
    const child = require("child_process").spawn(${JSON.stringify(node[0])}, ${JSON.stringify(node.slice(1))}, { stdio: "inherit" });
    child.on("exit", () => process.exit());
  `;
  const parent = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  onCleanup(() => killChild(parent));
  const [line] = await once(parent.stdout, "data");
  const child = Number(String(line));
  onCleanup(() => isAlive(child) && process.kill(child, "SIGKILL"));
  return { parent, child };
}
