/** How a figure, a ratio and a goal are written, the same in every report. */
import type { Goal } from "../case/case.js";
import type { SideName } from "../side/side.js";
import type { Ratio, Summary } from "../summary.js";

const COLUMNS: readonly (readonly [SideName, string])[] = [
  ["holdfast", "Holdfast"],
  ["recovery", "with recovery"],
  ["recipe", "recipe"],
  ["plain", "plain cluster"],
  ["single", "one process"],
  ["flask", "Flask-SocketIO"],
];

/** The heading, then a row for each case; a column for each side that has any figure. */
export function rows(
  summaries: readonly Summary[],
): readonly [heading: readonly string[], ...cases: readonly string[][]] {
  const has = (name: SideName) => summaries.some(({ sides }) => sides.some(({ side }) => side === name));
  const columns = COLUMNS.filter(([name]) => has(name));
  const heading = ["case", ...columns.map(([, title]) => title), "ratio", "of rounds", "goal", "met"];
  return [
    heading,
    ...summaries.map((summary) =>
      cells(
        summary,
        columns.map(([name]) => name),
      ),
    ),
  ];
}

function cells({ case: each, sides, ratio }: Summary, columns: readonly SideName[]): string[] {
  const of = (name: SideName) => sides.find(({ side }) => side === name)?.figure;
  const figures = columns.map((name) => figureText(of(name), each.unit));
  return [each.title, ...figures, ...ratioCells(ratio), goalText(each.goal), metText(ratio)];
}

export function figureText(value: number | undefined, unit = ""): string {
  if (value === undefined) return "";
  const digits = Math.abs(value) < 100 ? 1 : 0;
  return `${value.toLocaleString("en", { maximumFractionDigits: digits })} ${unit}`.trimEnd();
}

function ratioCells(ratio: Ratio | undefined): string[] {
  return ratio ? [ratio.value.toFixed(2), `${ratio.lowest.toFixed(2)}–${ratio.highest.toFixed(2)}`] : ["", ""];
}

function goalText({ against, atMost, atLeast }: Goal): string {
  const bound = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
  return against === undefined ? bound : `${bound} of ${against}`;
}

function metText(ratio: Ratio | undefined): string {
  if (!ratio) return "";
  return ratio.met ? "yes" : "no";
}
