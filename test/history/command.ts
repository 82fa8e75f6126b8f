/**
 * `npm run history -- --minutes 30 --seed 7`: random histories of the build in dist/ (or TEST_DIST), one after the other,
 * with two hosts and with one by turns. Ends with 1 when any of them shows a violation; its history is then kept in a file.
 */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { beginTest, finishTest } from "../flow/support/cleanup.js";
import { check } from "./checker.js";
import type { Entry } from "./entry.js";
import { ON_TWO_HOSTS, WITH_KILLED_PRIMARY } from "./fault.js";
import type { Reach } from "./reach.js";
import { heading, Total, told, witness } from "./report.js";
import { runHistory } from "./run.js";

const EACH_S = 120;
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: String(EACH_S) },
    hosts: { type: "string" },
    clients: { type: "string", default: "40" },
    "redis-mode": { type: "string" },
  },
});
const [minutes, firstSeed, seconds, clients] = [values.minutes, values.seed, values.seconds, values.clients].map(
  Number,
);

// An exit by signal would leave behind what runs.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => finishTest().finally(() => process.exit(1)));
}
// The clients of a history may still be about to try again.
process.exit(await main());

async function main(): Promise<number> {
  const startedAt = performance.now();
  const until = startedAt + (minutes as number) * 60_000;
  const total = new Total();
  console.log(heading());
  for (let seed = firstSeed as number; performance.now() < until; seed++) {
    const forMs = Math.min((seconds as number) * 1_000, Math.max(15_000, until - performance.now()));
    await one(seed, forMs, total).catch((error) => {
      total.broken++;
      console.log(`seed ${seed} could not be played: ${error instanceof Error ? error.stack : error}`);
    });
  }
  console.log(total.text(performance.now() - startedAt));
  return total.violations + total.broken === 0 ? 0 : 1;
}

async function one(seed: number, forMs: number, total: Total): Promise<void> {
  const hosts = values.hosts === undefined ? 1 + (seed % 2) : Number(values.hosts);
  const history = await madeBy(seed, forMs, hosts);
  const report = check(history, reachOf(hosts, seed));
  total.add(report);
  console.log(told(seed, hosts, report));
  if (report.violations.length === 0) return;
  const file = join(tmpdir(), `history-${seed}.jsonl`);
  writeFileSync(file, history.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  console.log(witness(history, report.violations));
  console.log(
    `  the history is in ${file}; to repeat it: npm run history -- --seed ${seed} --seconds ${forMs / 1_000}\n`,
  );
}

async function madeBy(seed: number, forMs: number, hosts: number): Promise<Entry[]> {
  beginTest();
  try {
    const faults = hosts === 1 ? WITH_KILLED_PRIMARY : ON_TWO_HOSTS;
    const [workers, args] = hosts === 1 ? [3, []] : [2, ["--redis-mode", modeOf(seed)]];
    return await runHistory({ seed, forMs, hosts, workers, args, faults, clients: clients as number });
  } finally {
    await finishTest();
  }
}

/** How far docs/recovery.md promises that sessions survive. */
function reachOf(hosts: number, seed: number): Reach {
  return hosts > 1 && modeOf(seed) === "classic" ? "hosts" : "host";
}

/** Of four histories one has two hosts in classic, and one in sharded mode. */
function modeOf(seed: number): string {
  return values["redis-mode"] ?? (seed % 4 === 1 ? "classic" : "sharded");
}
