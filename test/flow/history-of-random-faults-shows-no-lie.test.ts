import { expect, test } from "vitest";
import { check } from "../history/checker.js";
import { runHistory } from "../history/run.js";

const FOR_MS = Number(process.env.HISTORY_MS ?? 30_000);
const FIRST_SEED = Number(process.env.HISTORY_SEED ?? 1);

test.each([FIRST_SEED, FIRST_SEED + 1])(
  "nothing is lost, doubled, reordered or forged, and every client recovers (seed %i)",
  { timeout: FOR_MS + 120_000 },
  async (seed) => {
    const { violations, ...report } = check(await runHistory({ seed, forMs: FOR_MS }));
    console.log(JSON.stringify(report));
    expect(violations.slice(0, 20)).toEqual([]);
    expect(report.returns).toBeGreaterThan(20);
    expect(report.received).toBeGreaterThan(1_000);
  },
);
