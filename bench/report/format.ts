/** How a figure, a ratio and a goal are written, the same in every report. */
import type { Goal } from "../case/case.js";
import type { Ratio, Summary } from "../summary.js";

export const HEADINGS = [
  "case",
  "Holdfast",
  "recipe",
  "plain cluster",
  "Flask-SocketIO",
  "ratio",
  "of rounds",
  "goal",
  "met",
];

export function cells({ case: each, sides, ratio }: Summary): string[] {
  const of = (name: string) => sides.find(({ side }) => side === name)?.figure;
  const figures = ["holdfast", "recipe", "plain", "flask"].map((name) => figureText(of(name), each.unit));
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
