// `npm run history -- --minutes 30 --seed 7`: the long run of random histories, on the build in dist/ (or TEST_DIST).
import { expect, test } from "vitest";
import { check, type Report } from "../history/checker.js";
import { ON_ONE_HOST, runHistory } from "../history/run.js";

const MINUTES = Number(process.env.HISTORY_MINUTES ?? 4);
const FIRST_SEED = Number(process.env.HISTORY_SEED ?? 1);
const EACH_MS = 60_000;
const MINUTE_MS = 60_000;

/** The primary dies now and then: then nobody can recover, and nobody may be told so. */
const FAULTS = [...ON_ONE_HOST, "killPrimary"] as const;

test("random histories have no violation", { timeout: MINUTES * MINUTE_MS + 240_000 }, async () => {
  const until = performance.now() + MINUTES * MINUTE_MS;
  const total = { runs: 0, connects: 0, returns: 0, recovered: 0, received: 0, emitted: 0 };
  const faults: Record<string, number> = {};
  for (let seed = FIRST_SEED; performance.now() < until; seed++) {
    const { violations, ...report } = check(await runHistory({ seed, forMs: EACH_MS, faults: FAULTS }));
    add(total, faults, report);
    console.log(`seed ${seed}: ${JSON.stringify(report)}`);
    expect(violations.slice(0, 20), `seed ${seed}`).toEqual([]);
  }
  console.log(`all: ${JSON.stringify({ ...total, faults })}`);
});

type Total = Record<"connects" | "returns" | "recovered" | "received" | "emitted", number> & { runs: number };

function add(total: Total, faults: Record<string, number>, report: Omit<Report, "violations">): void {
  total.runs++;
  for (const key of ["connects", "returns", "recovered", "received", "emitted"] as const) total[key] += report[key];
  for (const [name, count] of Object.entries(report.faults)) faults[name] = (faults[name] ?? 0) + count;
}
