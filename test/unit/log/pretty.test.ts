import { expect, test } from "vitest";
import { painter } from "../../../src/log/paint.js";
import { prettyLine } from "../../../src/log/pretty.js";

const plain = painter({ isTTY: false });
const time = new Date(2026, 10, 21, 9, 5, 7, 42).toISOString();

function pretty(line: object): string {
  return prettyLine(JSON.stringify({ level: "info", time, pid: process.pid, ...line }), plain);
}

test("time, level, message, then the fields", () => {
  const line = { event: "worker-gone", msg: "worker 2 is gone", slot: 2, signal: "SIGKILL", text: "a b", list: [1] };
  expect(pretty(line)).toBe('09:05:07.042 info  worker 2 is gone  signal=SIGKILL  text="a b"  list=[1]');
});

test("what the message has said already is not said again", () => {
  const line = { msg: "ready on http://x:1, workers: 2", url: "http://x:1", workers: 2, manage: "off" };
  expect(pretty(line)).toBe("09:05:07.042 info  ready on http://x:1, workers: 2  manage=off");
});

test("that nothing was held back is not said", () => {
  expect(pretty({ msg: "no", suppressed: 0 })).toBe("09:05:07.042 info  no");
  expect(pretty({ msg: "no", suppressed: 3 })).toBe("09:05:07.042 info  no  suppressed=3");
});

test("an error stands below the line, with its stack", () => {
  const err = { type: "Error", message: "no", stack: "Error: no\n    at here\ncaused by: Error: why\n    at there" };
  const indent = " ".repeat(19);
  expect(pretty({ level: "error", msg: "failed", err, slot: 1 }).split("\n")).toEqual([
    "09:05:07.042 error failed  slot=1",
    `${indent}Error: no`,
    `${indent}    at here`,
    `${indent}caused by: Error: why`,
    `${indent}    at there`,
  ]);
});

test("an err that is no error is a field", () => {
  expect(pretty({ msg: "odd", err: "text" })).toBe("09:05:07.042 info  odd  err=text");
});

test("the pid of another process is shown", () => {
  expect(pretty({ msg: "x", pid: 1 })).toContain("pid=1");
});

test("a message cannot pass for a second line, nor reach the terminal", () => {
  const text = pretty({ msg: "a\n09:05:07.042 info  forged\x1b[2J", name: "\u202e\x07" });
  const [, second] = text.split("\n");
  expect(second).toMatch(/^ {19}09:05/);
  expect(text).toContain("\\u001b[2J");
  expect(text).toContain("\\u202e\\u0007");
});

test("colours are for terminals that want them", () => {
  const line = JSON.stringify({ level: "warn", time, pid: process.pid, msg: "x" });
  expect(prettyLine(line, painter({ isTTY: true, hasColors: () => true }))).toContain("\x1b[33mwarn ");
  for (const canvas of [{ isTTY: true, hasColors: () => false }, { isTTY: true }, { hasColors: () => true }]) {
    expect(prettyLine(line, painter(canvas))).not.toContain("\x1b");
  }
});
