import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { check } from "../history/checker.js";
import type { Entry } from "../history/entry.js";
import { runHistory } from "../history/run.js";

const FOR_MS = Number(process.env.HISTORY_MS ?? 30_000);
const FIRST_SEED = Number(process.env.HISTORY_SEED ?? 1);

/** For who looks into it: the whole history, one entry a line. */
function keep(seed: number, history: readonly Entry[]): void {
  const file = join(tmpdir(), `history-${seed}.jsonl`);
  writeFileSync(file, history.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  console.log(`the history is in ${file}`);
}

test.each([FIRST_SEED, FIRST_SEED + 1])(
  "nothing is lost, doubled, reordered or forged, and every client recovers (seed %i)",
  { timeout: FOR_MS + 120_000 },
  async (seed) => {
    const history = await runHistory({ seed, forMs: FOR_MS });
    const { violations, ...report } = check(history);
    console.log(JSON.stringify(report));
    if (violations.length > 0) keep(seed, history);
    expect(violations.slice(0, 20)).toEqual([]);
    expect(report.returns).toBeGreaterThan(20);
    expect(report.received).toBeGreaterThan(1_000);
  },
);
