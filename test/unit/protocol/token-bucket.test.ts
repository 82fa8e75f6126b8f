import { expect, test } from "vitest";
import { TokenBucket } from "../../../src/protocol/token-bucket.js";

test("as many as its burst at once, then so many a second", () => {
  const bucket = new TokenBucket(10, 3);
  const taken = (nowMs: number) => Array.from({ length: 5 }, () => bucket.take(nowMs)).filter(Boolean).length;
  expect([taken(1_000), taken(1_000), taken(1_100), taken(1_350), taken(60_000)]).toEqual([3, 0, 1, 2, 3]);
});

test("tells how long until the next", () => {
  const bucket = new TokenBucket(2, 1);
  expect(bucket.waitMs(0)).toBe(0);
  bucket.take(0);
  expect(bucket.waitMs(0)).toBe(500);
  expect(bucket.waitMs(400)).toBeCloseTo(100);
  expect(bucket.waitMs(500)).toBe(0);
});
