/** The report for a program: every round of every side, with the machine it ran on. */
import type { Pace } from "../case/case.js";
import type { Summary } from "../summary.js";
import { machineLine } from "./machine.js";

export function jsonReport(summaries: readonly Summary[], pace: Pace): string {
  const report = { machine: machineLine(), pace, cases: summaries.map(caseObject) };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function caseObject({ case: { name, title, unit, workers, goal }, sides, ratio }: Summary) {
  return { name, title, unit, workers, goal, ratio, sides };
}
