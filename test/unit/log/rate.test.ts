import { expect, test } from "vitest";
import { limiter } from "../../../src/log/rate.js";

test("it speaks at most once in an interval, and tells how often it was held back", () => {
  let now = 5_000;
  const said: [number, number][] = [];
  const say = limiter(1_000, { now: () => now });
  for (const time of [5_000, 5_001, 5_999, 6_000, 6_500, 9_000, 9_001, 10_000]) {
    now = time;
    say((suppressed) => said.push([time, suppressed]));
  }
  expect(said).toEqual([
    [5_000, 0],
    [6_000, 2],
    [9_000, 1],
    [10_000, 1],
  ]);
});

test("a burst passes, then one in an interval; silence fills up to the burst and not beyond", () => {
  let now = 0;
  const said: [number, number][] = [];
  const say = limiter(1_000, { burst: 2, now: () => now });
  for (const time of [0, 0, 0, 500, 1_000, 1_200, 3_000, 60_000, 60_000, 60_000]) {
    now = time;
    say((suppressed) => said.push([time, suppressed]));
  }
  expect(said).toEqual([
    [0, 0],
    [0, 0],
    [1_000, 2],
    [3_000, 1],
    [60_000, 0],
    [60_000, 0],
  ]);
});

test("limiters do not know each other", () => {
  const said: string[] = [];
  limiter(1_000)(() => said.push("a"));
  limiter(1_000)(() => said.push("b"));
  expect(said).toEqual(["a", "b"]);
});
