import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearest } from "../../../src/config/nearest.js";

test.each([
  ["port", "port", 0],
  ["prot", "port", 1],
  ["por", "port", 1],
  ["ports", "port", 1],
  ["pxrt", "port", 1],
  ["", "abc", 3],
  ["kitten", "sitting", 3],
])("%s is %s after %d edits", (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits);
});

test("the distance is a number between the difference of lengths and the longer length, the same both ways", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      const edits = editDistance(a, b);
      expect(edits).toBe(editDistance(b, a));
      expect(edits).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      expect(edits).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});

test("the nearest name is found, whatever its case, and nothing is guessed from afar", () => {
  const names = ["workers", "workerTimeout", "port"];
  expect(nearest("WORKER", names)).toBe("workers");
  expect(nearest("workertimeout", names)).toBe("workerTimeout");
  expect(nearest("redis", names)).toBeUndefined();
  expect(nearest("x", names)).toBeUndefined();
});
