import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLogger } from "../../../src/log/logger.js";
import { Output } from "../../../src/log/output.js";

/** A reader that takes nothing until it is told to. */
class StuckReader extends Writable {
  readonly lines: string[] = [];
  #goOn: (() => void) | undefined;
  #stuck = true;

  constructor() {
    super({ decodeStrings: false });
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.lines.push(chunk);
    if (this.#stuck) this.#goOn = done;
    else done();
  }

  readOn(): Promise<void> {
    const drained = new Promise<void>((resolve) => this.once("drain", () => setImmediate(resolve)));
    this.#stuck = false;
    this.#goOn?.();
    return drained;
  }
}

test("lines wait for a slow reader, in order", async () => {
  const reader = new StuckReader();
  const output = new Output(reader, (line) => line);
  const lines = Array.from({ length: 100 }, (_, i) => `${i} ${"x".repeat(1_000)}\n`);
  for (const line of lines) output.write(line);
  await reader.readOn();
  expect(reader.lines).toEqual(lines);
});

test("what waits for a stuck reader is bounded, and what was dropped is told once it reads on", async () => {
  const reader = new StuckReader();
  const log = createLogger({ level: "info", format: "json" }, reader);
  for (let i = 0; i < 30_000; i++) log.info({ i }, "x".repeat(100));
  expect(reader.writableLength).toBeLessThan(1_100_000);
  await reader.readOn();
  const last = JSON.parse(reader.lines.at(-1) ?? "");
  expect(last).toMatchObject({ level: "warn", event: "log-dropped" });
  expect(reader.lines.length - 1 + last.lines).toBe(30_000);
});

test("a stream that fails is no reason to end", () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")), autoDestroy: false });
  const output = new Output(stream, (line) => line);
  new Output(stream, (line) => line);
  expect(stream.listenerCount("error")).toBe(1);
  expect(() => output.write("x\n")).not.toThrow();
  expect(stream.emit("error", new Error("EPIPE"))).toBe(true);
});
