import { expect, test } from "vitest";
import { stopper } from "../../../src/primary/stopping.js";

/** What is done, in order; `settled()` ends the acceptor's settling. */
function stopping(drainTimeoutMs: number) {
  const done: string[] = [];
  let settled = () => {};
  const settle = (withinMs: number) => {
    done.push(`settle ${withinMs}`);
    return new Promise<void>((resolve) => {
      settled = resolve;
    });
  };
  const stop = stopper(
    { settle },
    { stop: () => done.push("stop"), stopNow: () => done.push("now") } as unknown as Parameters<typeof stopper>[1],
    drainTimeoutMs,
  );
  return { stop, done, settled: () => settled() };
}

test("what was accepted reaches a worker before workers are told to stop", async () => {
  const { stop, done, settled } = stopping(25_000);
  stop();
  expect(done).toEqual(["settle 5000"]);
  settled();
  await Promise.resolve();
  expect(done).toEqual(["settle 5000", "stop"]);
});

test("no more than half of a short time goes into that", () => {
  const { stop, done } = stopping(3_000);
  stop();
  expect(done).toEqual(["settle 1500"]);
});

test("the second time it means now", () => {
  const { stop, done } = stopping(25_000);
  stop();
  stop();
  expect(done).toEqual(["settle 5000", "now"]);
});
