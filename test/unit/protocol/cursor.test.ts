import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCursor, furthest, isPast, parseCursor, reaches } from "../../../src/protocol/cursor.js";

const count = fc.integer({ min: 0, max: 2 ** 50 });

test("a cursor is read as it was written", () => {
  fc.assert(
    fc.property(fc.nat(1_023), fc.nat(100_000), count, count, (slot, incarnation, own, shared) => {
      const position = { worker: `${slot}.${incarnation}`, own, shared };
      expect(parseCursor(formatCursor("ab_-", position))).toEqual({ epoch: "ab_-", ...position });
    }),
  );
});

test.each([
  "",
  "x",
  "a~0.1~1",
  "a~0.1~1~",
  "a~0.1~1~1~",
  "a~0.1~-1~1",
  "a~01~1~1",
  "a~0.1~1~zzzzzzzzzzzzz",
  `a~0.1~1~1"`,
  "a~0.1~A~1",
])("%j is not a cursor", (text) => expect(parseCursor(text)).toBeUndefined());

test("of one worker its own count tells what is past, of others the sequence", () => {
  const position = { worker: "a", own: 5, shared: 10 };
  expect(isPast({ worker: "a", own: 6, shared: 9 }, position)).toBe(true);
  expect(isPast({ worker: "a", own: 5, shared: 11 }, position)).toBe(false);
  expect(isPast({ worker: "b", own: 1, shared: 11 }, position)).toBe(true);
  expect(isPast({ worker: "b", own: 9, shared: 10 }, position)).toBe(false);
});

test("positions are compared in both streams, of the same worker", () => {
  const position = { worker: "a", own: 5, shared: 10 };
  expect(reaches({ worker: "a", own: 5, shared: 10 }, position)).toBe(true);
  expect(reaches({ worker: "a", own: 6, shared: 9 }, position)).toBe(false);
  expect(reaches({ worker: "b", own: 9, shared: 99 }, position)).toBe(false);
  expect(furthest({ worker: "a", own: 6, shared: 9 }, position)).toEqual({ worker: "a", own: 6, shared: 10 });
});
