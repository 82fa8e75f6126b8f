import { expect, test } from "vitest";
import { pulse } from "../../../../src/primary/supervisor/heartbeat.js";

const TIMEOUT_MS = 10_000;

test.each([
  [0, "steady"],
  [1_000, "steady"],
  [1_700, "steady"],
  [2_000, "stuck"],
  [9_999, "stuck"],
  [10_000, "lost"],
  [60_000, "lost"],
])("silent for %i ms is %s", (silentMs, expected) => {
  expect(pulse(5_000, 5_000 + silentMs, TIMEOUT_MS)).toBe(expected);
});

test("two missed beats are noticed within two seconds, however the supervisor's looks fall", () => {
  const lookIntervalMs = 200;
  for (let phaseMs = 0; phaseMs < lookIntervalMs; phaseMs++) {
    let lookMs = phaseMs;
    while (pulse(0, lookMs, TIMEOUT_MS) === "steady") lookMs += lookIntervalMs;
    expect(lookMs).toBeLessThan(2_000);
  }
});
