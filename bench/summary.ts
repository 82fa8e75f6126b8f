/** From the samples of a case to medians and a verdict: pure, the same for every report. */
import type { Case, Goal, Sample } from "./case/case.js";
import { median } from "./measure/median.js";
import type { CaseRun } from "./round.js";
import type { SideName } from "./side/side.js";

export interface Summary {
  readonly case: Case;
  readonly sides: readonly SideSummary[];
  /** Absent when one of the two sides was not measured. */
  readonly ratio?: Ratio;
}

export interface SideSummary {
  readonly side: SideName;
  readonly figure: number;
  readonly notes: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
}

export interface Ratio {
  /** Median of Holdfast divided by the median of the other side, where the figure is no ratio by itself. */
  readonly value: number;
  /** The least and greatest ratio of a single round. */
  readonly lowest: number;
  readonly highest: number;
  readonly met: boolean;
}

/** What a figure is divided by that is a ratio by itself. */
const ITSELF: Pick<SideSummary, "figure" | "samples"> = { figure: 1, samples: [] };

export function summarize(run: CaseRun): Summary {
  const sides = [...run.samples].map(([side, samples]) => sideSummary(side, samples));
  const ratio = ratioOf(sides, run.case.goal);
  return { case: run.case, sides, ...(ratio && { ratio }) };
}

function sideSummary(side: SideName, samples: readonly Sample[]): SideSummary {
  const names = Object.keys(samples[0]?.notes ?? {});
  const notes = names.map((name) => [name, middle(samples.map((sample) => sample.notes[name] ?? 0))]);
  return { side, figure: middle(samples.map(({ figure }) => figure)), notes: Object.fromEntries(notes), samples };
}

function ratioOf(sides: readonly SideSummary[], goal: Goal): Ratio | undefined {
  const { of = "holdfast", against } = goal;
  const ours = sides.find(({ side }) => side === of);
  const theirs = against === undefined ? ITSELF : sides.find(({ side }) => side === against);
  if (!ours || !theirs) return undefined;
  const value = ours.figure / theirs.figure;
  const rounds = ours.samples.map(({ figure }, i) => figure / (theirs.samples[i]?.figure ?? theirs.figure));
  return { value, lowest: Math.min(...rounds), highest: Math.max(...rounds), met: meets(value, goal) };
}

function meets(ratio: number, { atMost = Number.POSITIVE_INFINITY, atLeast = 0 }: Goal): boolean {
  return ratio <= atMost && ratio >= atLeast;
}

function middle(values: readonly number[]): number {
  return median(values) ?? Number.NaN;
}
