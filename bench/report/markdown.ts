/** The report as it stands in docs/benchmarks.md. */
import type { Pace } from "../case/case.js";
import type { Summary } from "../summary.js";
import { figureText, rows } from "./format.js";
import { machineLine } from "./machine.js";

export function markdownReport(summaries: readonly Summary[], pace: Pace): string {
  const head = `${machineLine()}; medians of ${pace.rounds} rounds of ${pace.measureMs / 1000} s.`;
  const [heading, ...cases] = rows(summaries);
  const beside = summaries.flatMap(({ case: each, sides }) =>
    sides.map(({ side, notes }) => [each.name, side, ...noteCells(notes)]),
  );
  return `${head}\n\n${table(heading, cases)}\n${table(["case", "side", "beside the figure"], beside)}`;
}

function table(headings: readonly string[], lines: readonly (readonly string[])[]): string {
  return [headings, headings.map(() => "---"), ...lines].map((row) => `| ${row.join(" | ")} |\n`).join("");
}

function noteCells(notes: Readonly<Record<string, number>>): string[] {
  const text = Object.entries(notes).map(([name, value]) => `${name} ${figureText(value)}`);
  return [text.join(", ")];
}
