/** The report for a terminal: a table, then what stands beside each figure. */
import type { SideSummary, Summary } from "../summary.js";
import { cells, figureText, HEADINGS } from "./format.js";

export function textReport(summaries: readonly Summary[]): string {
  return `${table([HEADINGS, ...summaries.map(cells)])}\n${summaries.map(notes).join("")}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
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
