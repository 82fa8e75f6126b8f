// Short ones of fixed seeds; `npm run history` plays longer ones.
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { check } from "../history/checker.js";
import type { Entry } from "../history/entry.js";
import { ON_ONE_HOST, ON_TWO_HOSTS } from "../history/fault.js";
import { heading, told, witness } from "../history/report.js";
import { runHistory } from "../history/run.js";

const FOR_MS = 30_000;

const HISTORIES = [
  { seed: 1, hosts: 1, faults: ON_ONE_HOST },
  { seed: 2, hosts: 1, faults: ON_ONE_HOST },
  { seed: 3, hosts: 2, workers: 2, faults: ON_TWO_HOSTS },
];

/** For who looks into it: the whole history, one entry a line. */
function keep(seed: number, history: readonly Entry[]): string {
  const file = join(tmpdir(), `history-${seed}.jsonl`);
  writeFileSync(file, history.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  return `the history is in ${file}`;
}

/**
 * Between hosts there are deadlines that a busy machine misses, and a cut of Redis: whoever is new then is told so. How many
 * recover is told by `npm run history`.
 */
test.each(HISTORIES)(
  "nothing is lost, doubled, reordered or forged, and on one host every client recovers ($hosts host(s), seed $seed)",
  { timeout: FOR_MS + 210_000 },
  async ({ seed, hosts, ...options }) => {
    const history = await runHistory({ seed, hosts, forMs: FOR_MS, ...options });
    const report = check(history);
    const { violations } = report;
    console.log([heading(), told(seed, hosts, report)].join("\n"));
    if (violations.length > 0) console.log(witness(history, violations), keep(seed, history));
    expect(violations.filter(({ rule }) => hosts === 1 || rule !== "recovered").slice(0, 20)).toEqual([]);
    expect(report.returns).toBeGreaterThan(20);
    expect(report.received).toBeGreaterThan(1_000);
  },
);
