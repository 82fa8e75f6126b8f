import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Drain } from "../../../src/worker/drain.js";
import { resign } from "../../../src/worker/resignation.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A worker with one connection that stays; what it is told to do is in `log`. */
function worker() {
  const log: string[] = [];
  const begin = () => log.push("drain");
  const drain = new Drain(
    { begin, sessions: () => [], relays: () => [], connections: () => 1, closeIdleConnections: () => {} },
    () => log.push("left"),
  );
  return { log, drain, link: { send: ({ type }: { type: string }) => void log.push(type) } };
}

test("the primary is told first; one that does not answer is not waited for", () => {
  const { log, drain, link } = worker();
  resign(link, drain);
  expect(log).toEqual(["resign"]);
  vi.advanceTimersByTime(2_000);
  expect(log).toEqual(["resign", "drain"]);
  vi.advanceTimersByTime(25_000);
  expect(log.at(-1)).toBe("left");
});

test("once the primary has answered, its time counts", () => {
  const { log, drain, link } = worker();
  resign(link, drain);
  drain.start(60_000);
  vi.advanceTimersByTime(50_000);
  expect(log).toEqual(["resign", "drain"]);
  vi.advanceTimersByTime(11_000);
  expect(log).toEqual(["resign", "drain", "left"]);
});
