/** The report for a terminal: a table, then what stands beside each figure. */
import type { SideSummary, Summary } from "../summary.js";
import { figureText, rows } from "./format.js";

export function textReport(summaries: readonly Summary[]): string {
  return `${table(rows(summaries))}\n${summaries.map(notes).join("")}`;
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((row) => row[column]?.length ?? 0)));
  return lines
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function notes({ case: each, sides }: Summary): string {
  return sides.map((side) => `${each.name} ${side.side}: ${notesOf(side)}\n`).join("");
}

function notesOf({ notes: beside }: SideSummary): string {
  return Object.entries(beside)
    .map(([name, value]) => `${name} ${figureText(value)}`)
    .join(", ");
}
