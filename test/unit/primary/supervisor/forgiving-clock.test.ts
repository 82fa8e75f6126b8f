import { expect, test } from "vitest";
import { ForgivingClock } from "../../../../src/primary/supervisor/forgiving-clock.js";

function clockAt(times: number[]): ForgivingClock {
  return new ForgivingClock(() => times.shift() as number);
}

test("it runs with the monotonic clock while it is looked at", () => {
  const clock = clockAt([0, 200, 400, 1_400]);
  expect([clock.now(), clock.now(), clock.now()]).toEqual([200, 400, 1_400]);
});

test("a gap longer than a second is a pause of the primary and did not happen", () => {
  const clock = clockAt([0, 200, 15_200, 15_400]);
  expect([clock.now(), clock.now(), clock.now()]).toEqual([200, 200, 400]);
});
