/**
 * Runs one case on its sides in alternation, each round with processes that were started for it, so that what a
 * machine does in the course of minutes meets all sides alike.
 */
import type { Case, Sample } from "./case/case.js";
import { LoadClient } from "./client/load-client.js";
import type { Options } from "./option.js";
import { type SideName, startSide, whyUnavailable } from "./side/side.js";

export interface CaseRun {
  readonly case: Case;
  /** One sample for each round. */
  readonly samples: ReadonlyMap<SideName, readonly Sample[]>;
}

export async function runCase(each: Case, options: Options): Promise<CaseRun> {
  const sides = each.sides.filter((side) => options.sides.includes(side)).filter((side) => isAvailable(each, side));
  const samples = new Map<SideName, Sample[]>(sides.map((side) => [side, []]));
  for (let round = 0; round < options.pace.rounds; round++) {
    for (const side of rotated(sides, round)) {
      const sample = await measureOnce(each, side, options);
      samples.get(side)?.push(sample);
      tell(each, side, round, sample);
    }
  }
  return { case: each, samples };
}

function isAvailable({ name }: Case, side: SideName): boolean {
  const why = whyUnavailable(side);
  if (why !== undefined) console.error(`${name} without ${side}: ${why}`);
  return why === undefined;
}

/** The side that comes first changes, so that none always follows the same other. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const at = list.length ? by % list.length : 0;
  return [...list.slice(at), ...list.slice(0, at)];
}

async function measureOnce(each: Case, name: SideName, { holdfast, pace }: Options): Promise<Sample> {
  const side = await startSide(name, { ...each.launch, workers: each.workers, holdfast });
  const client = new LoadClient();
  try {
    return await each.measure({ side, client, pace });
  } finally {
    await client.stop();
    await side.stop();
  }
}

/** Progress, on stderr: stdout is the report's. */
function tell(each: Case, side: SideName, round: number, { figure, notes }: Sample): void {
  const beside = Object.entries(notes).map(([name, value]) => `${name} ${Number(value.toFixed(1))}`);
  console.error(`${each.name} round ${round + 1} ${side}: ${figure.toFixed(1)} ${each.unit} (${beside.join(", ")})`);
}
