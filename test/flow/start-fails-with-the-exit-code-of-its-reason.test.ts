import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";
import { connect } from "./support/client.js";
import { type FailedStart, startExpectingExit, startHoldfast } from "./support/holdfast.js";

function forks({ lines }: FailedStart): number {
  return lines.filter(({ event }) => event === "worker-forked").length;
}

const DEBUG = ["--log-level", "debug"];

test("an app that throws while it loads: 4, its error and stack once, no fork beyond the workers", async () => {
  const start = await startExpectingExit({ app: "throws-at-load.mjs", workers: 4, args: DEBUG });
  expect(start.code).toBe(4);
  expect(start.stderr).toMatch(/^App failed to load: .*throws-at-load\.mjs: this app cannot be loaded\n/);
  expect(start.stderr).toMatch(/\n {4}at .*throws-at-load\.mjs:1:/);
  expect((start.stdout + start.stderr).split("App failed to load").length).toBe(2);
  expect(forks(start)).toBeLessThanOrEqual(4);
});

test("an app with a syntax error: 4, with the file", async () => {
  const app = join(temporaryDirectory(), "broken.mjs");
  writeFileSync(app, "export default function (io) {");
  const start = await startExpectingExit({ app });
  expect(start.code).toBe(4);
  expect(start.stderr).toContain(`App failed to load: ${app}: `);
});

test("an app that is never ready: 3, with the worker and the time", async () => {
  const start = await startExpectingExit({ app: "never-ready.mjs", args: ["--boot-timeout", "1500ms"] });
  expect(start.code).toBe(3);
  expect(start.stderr).toContain("worker 0 failed to boot within 1.5 s");
});

test("an app that ends its process while it loads: 3, with how it ended", async () => {
  const app = join(temporaryDirectory(), "ends.mjs");
  writeFileSync(app, "process.exit(7);");
  const start = await startExpectingExit({ app, args: DEBUG });
  expect(start.code).toBe(3);
  expect(start.stderr).toMatch(/worker \d failed to boot: it exited with code 7/);
  expect(forks(start)).toBeLessThanOrEqual(2);
});

test("a port that is taken: 5, with who holds it, before any fork, and who holds it serves on", async () => {
  const first = await startHoldfast({ app: "echo.mjs" });
  const { port } = new URL(first.url);
  const client = await connect(first);
  const second = await startExpectingExit({ app: "echo.mjs", args: ["--port", port, ...DEBUG] });
  expect(second.code).toBe(5);
  expect(second.stderr).toContain(`EADDRINUSE 127.0.0.1:${port} (held by pid ${first.pid})`);
  expect(forks(second)).toBe(0);
  await client.emitWithAck("echo", 1);
  await connect(first);
});

test.each<[string, string[], RegExp]>([
  ["a wrong value", ["--workers", "many"], /workers is "many" \(.*--workers.*\), but must be/],
  ["a port out of range", ["--port", "70000"], /port is "70000"/],
  ["a config file that is not there", ["--config", "/not/there.json"], /\/not\/there\.json/],
])("%s: 78, naming it, before any fork", async (_, args, message) => {
  const start = await startExpectingExit({ app: "echo.mjs", args: [...args, ...DEBUG] });
  expect(start.code).toBe(78);
  expect(start.stderr).toMatch(message);
  expect(forks(start)).toBe(0);
});

test("an unknown flag: 2", async () => {
  const start = await startExpectingExit({ args: ["--wokers", "2"] });
  expect(start.code).toBe(2);
  expect(start.stderr).toContain("--workers");
});

test("a run directory too deep for Unix sockets: 78, naming it", async () => {
  const deep = join(temporaryDirectory(), "d".repeat(80));
  mkdirSync(deep);
  const start = await startExpectingExit({ app: "echo.mjs", env: { TMPDIR: deep } });
  expect(start.code).toBe(78);
  expect(start.stderr).toContain(deep);
  expect(readdirSync(deep)).toEqual([]);
});
