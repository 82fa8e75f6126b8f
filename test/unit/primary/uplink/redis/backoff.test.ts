import { expect, test } from "vitest";
import { backoffMs, longestBackoffMs } from "../../../../../src/primary/uplink/redis/backoff.js";

test("the wait doubles, and stays within half a second whatever the jitter", () => {
  expect([1, 2, 3, 4, 5, 6, 100].map((failures) => backoffMs(failures, 0.5))).toEqual([
    50, 100, 200, 400, 400, 400, 400,
  ]);
  expect(backoffMs(1_000_000, 1)).toBe(longestBackoffMs(4));
  expect(backoffMs(1, 0)).toBeLessThan(backoffMs(1, 1));
});
