import { expect, test } from "vitest";
import { LogLimit } from "../../../../src/primary/supervisor/log-limit.js";

test("a burst passes, then a line a second, each with the number of those kept back", () => {
  const limit = new LogLimit(2, 0);
  const passes = [0, 0, 0, 500, 1_000, 1_200, 3_000].map((nowMs) => limit.pass(nowMs));
  expect(passes).toEqual([0, 0, undefined, undefined, 2, undefined, 1]);
});

test("time without lines fills up to the burst and not beyond", () => {
  const limit = new LogLimit(2, 0);
  const passes = Array.from({ length: 4 }, () => limit.pass(60_000));
  expect(passes).toEqual([0, 0, undefined, undefined]);
});
