import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLogger } from "../../../src/log/logger.js";

class Sink extends Writable {
  readonly lines: string[] = [];
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.lines.push(chunk.toString());
    done();
  }
}

function logged(write: (log: ReturnType<typeof createLogger>) => void, bindings = {}): string[] {
  const sink = new Sink();
  write(createLogger({ level: "info", format: "json", bindings }, sink));
  return sink.lines;
}

test("a line is one JSON object: level by name, ISO time, pid, bindings, fields, message", () => {
  const lines = logged((log) => log.child({ b: 2 }).info({ event: "ready", workers: 2 }, "ready"), { slot: 1 });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    pid: process.pid,
    slot: 1,
    b: 2,
    event: "ready",
    workers: 2,
    msg: "ready",
  });
});

test("lines below the level are not written", () => {
  expect(logged((log) => log.debug("no"))).toEqual([]);
});

test("an error is logged with its stack and causes", () => {
  const [line = ""] = logged((log) => log.error({ err: new Error("outer", { cause: new Error("inner") }) }, "failed"));
  const { err } = JSON.parse(line);
  expect(err).toMatchObject({ type: "Error", message: "outer: inner" });
  expect(err.stack).toMatch(/^Error: outer\n +at .*\ncaused by: Error: inner\n +at /s);
});

test("whatever a client sends, a line stays one line of plain characters and keeps its meaning", () => {
  const evil = "a\nb\r\x1b[2J\x9b2J\x7f\u202e\u2028c";
  const [line = ""] = logged((log) => log.warn({ evil }, evil));
  expect(line).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(line)).toMatchObject({ evil, msg: evil });
});

test("what cannot be serialised is no error", () => {
  const circular: Record<string, unknown> = { big: 10n };
  circular.self = circular;
  const throwing = {
    toJSON() {
      throw new Error("no");
    },
  };
  for (const line of logged((log) => log.info({ circular, throwing }, "odd"))) {
    expect(JSON.parse(line)).toMatchObject({ msg: "odd" });
  }
});
