import { expect, test } from "vitest";
import { afterDeath, type Restart, UNHARMED } from "../../../../src/primary/supervisor/restart-policy.js";

const LONGEST_MS = 30_000;

/** The delays of a worker that dies `count` times, each time right after its fork. */
function delays(count: number, chance: number): number[] {
  let restart: Restart = UNHARMED;
  return Array.from({ length: count }, () => {
    restart = afterDeath(restart, 0, 0, chance);
    return restart.notBeforeMs;
  });
}

test("each death in a row waits twice as long, from a tenth of a second to half a minute", () => {
  expect(delays(11, 1)).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, LONGEST_MS, LONGEST_MS]);
});

test("chance takes up to a quarter away, and never adds", () => {
  expect(delays(3, 0)).toEqual([75, 150, 300]);
  expect(Math.max(...delays(2_000, 0.5))).toBeLessThanOrEqual(LONGEST_MS);
});

test("a worker that has lived well makes the next death a first one", () => {
  const often = { deaths: 8, notBeforeMs: 0 };
  expect(afterDeath(often, 1_000, 9_999, 1)).toEqual({ deaths: 9, notBeforeMs: 26_600 });
  expect(afterDeath(often, 1_000, 10_000, 1)).toEqual({ deaths: 1, notBeforeMs: 1_100 });
});

test("a worker that dies one second after it was ready forks at most once a second after ten seconds", () => {
  let restart: Restart = UNHARMED;
  let nowMs = 0;
  const forks: number[] = [];
  while (nowMs < 120_000) {
    forks.push(nowMs);
    restart = afterDeath(restart, nowMs + 1_000, 1_000, 0);
    nowMs = restart.notBeforeMs;
  }
  const gaps = forks.slice(1).map((fork, index) => ({ fork, gap: fork - (forks[index] as number) }));
  const late = gaps.filter(({ fork }) => fork > 10_000);
  expect(late.length).toBeGreaterThan(2);
  expect(Math.min(...late.map(({ gap }) => gap))).toBeGreaterThan(1_000);
});
