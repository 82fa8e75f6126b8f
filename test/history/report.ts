/** What is told of histories: a line each, what was found with what lies between, and the sum. Pure. */
import type { Report } from "./checker.js";
import type { Entry, Refused, Violation } from "./entry.js";

const COLUMNS = ["seed", "hosts", "events", "received", "returns", "recovered", "new", "faults", "violations"];
const WITNESSES = 5;
const FAULTS_SHOWN = 12;

const PLURAL: Record<string, string> = {
  killWorker: "workers killed",
  stopWorker: "workers stopped",
  killPrimary: "primaries killed",
  killHost: "hosts killed",
  stopPrimary: "primaries stopped",
  reload: "reloads",
  scale: "times scaled down and up",
  drop: "times connections reset",
  close: "times connections closed",
  swallow: "times connections half-open",
  slice: "times connections cut into pieces",
  cutRedis: "times a host cut off from Redis",
  restartRedis: "Redis restarts by SIGKILL",
  stopRedis: "times Redis stopped",
};

/** What a rule stands for in the sum. */
const FOUND: readonly (readonly [string, readonly Violation["rule"][]])[] = [
  ["lost", ["loss"]],
  ["twice", ["duplicate"]],
  ["out of order", ["order"]],
  ["dishonest", ["agree", "cursor", "integrity", "fencing", "state"]],
  ["not recovered", ["recovered"]],
  ["never back", ["liveness"]],
];

export function heading(): string {
  return row(COLUMNS);
}

export function told(seed: number, hosts: number, report: Report): string {
  const { emitted, received, returns, recovered, violations } = report;
  const faults = sum(Object.values(report.faults));
  const cells = [seed, hosts, emitted, received, returns, recovered, returns - recovered, faults];
  return row([...cells.map(counted), violations.length === 0 ? "none" : counted(violations.length)]);
}

/** The first violations, each with the entries that it stands on, the faults between, and what was refused meanwhile. */
export function witness(history: readonly Entry[], violations: readonly Violation[]): string {
  const shown = violations.slice(0, WITNESSES).map((violation) => witnessOf(history, violation));
  const more = violations.length - shown.length;
  return [...shown, ...(more > 0 ? [`  and ${counted(more)} more`] : [])].join("\n");
}

function witnessOf(history: readonly Entry[], { rule, client, text, at }: Violation): string {
  const [from, to] = [Math.min(...at), Math.max(...at)];
  const between = history
    .slice(from, to)
    .flatMap((entry) =>
      entry.type === "fault" ? [entry.name] : entry.type === "ended" ? [`end of ${entry.host}`] : [],
    );
  const last = history.slice(0, from).findLast(({ type }) => type === "fault");
  const entries = at.map((place) => `    ${place}: ${JSON.stringify(history[place])}`);
  const faults = [last?.type === "fault" ? `(${last.name} before)` : "", ...between.slice(0, FAULTS_SHOWN)];
  const refused = rule === "recovered" ? [`    refused: ${refusedAround(history, to)}`] : [];
  const lines = [`  ${rule}: ${client}: ${text}`, ...entries, `    faults: ${faults.filter(Boolean).join(", ")}`];
  return [...lines, ...refused].join("\n");
}

/** What hosts had refused when they were first asked behind the place, and had not when they were last asked before. */
function refusedAround(history: readonly Entry[], place: number): string {
  const looks = history.flatMap((entry) => (entry.type === "refused" ? [entry] : []));
  const after = looks.filter(({ asked }) => asked > place)[0]?.counts ?? {};
  const before = Object.assign(
    {},
    ...looks.filter(({ asked }) => asked <= place).map(({ counts }) => counts),
  ) as Refused;
  const grown = Object.entries(after).flatMap(([boot, counts]) =>
    Object.entries(counts).map(([why, count]) => ({ boot, why, by: count - (before[boot]?.[why] ?? 0) })),
  );
  const lines = grown.flatMap(({ boot, why, by }) => (by > 0 ? [`${why} ${by} (${boot})`] : []));
  return lines.join(", ") || "nothing that is known";
}

export class Total {
  violations = 0;
  /** Histories that the harness itself could not play to their end. */
  broken = 0;
  #runs = 0;
  readonly #sums = { emitted: 0, received: 0, returns: 0, recovered: 0, connects: 0 };
  readonly #faults: Record<string, number> = {};
  readonly #found: Record<string, number> = {};

  add(report: Report): void {
    this.#runs++;
    this.violations += report.violations.length;
    for (const key of Object.keys(this.#sums) as (keyof Total["sums"])[]) this.#sums[key] += report[key];
    for (const [name, count] of Object.entries(report.faults)) add(this.#faults, name, count);
    for (const { rule } of report.violations) add(this.#found, rule, 1);
  }

  get sums(): Readonly<Record<"emitted" | "received" | "returns" | "recovered" | "connects", number>> {
    return this.#sums;
  }

  text(ms: number): string {
    const { emitted, received, returns, recovered } = this.#sums;
    const refused = this.#found.recovered ?? 0;
    const attainable = recovered + refused;
    const share = attainable === 0 ? "" : ` (${percent(recovered, attainable)} of those who were to recover)`;
    const faults = Object.entries(this.#faults).sort(([, a], [, b]) => b - a);
    const found = FOUND.map(([name, rules]) => `${counted(sum(rules.map((rule) => this.#found[rule] ?? 0)))} ${name}`);
    return [
      "",
      `${counted(this.#runs)} histories in ${Math.round(ms / 60_000)} minutes: ${counted(emitted)} events, ${counted(received)} received`,
      `faults: ${faults.map(([name, count]) => `${counted(count)} ${PLURAL[name] ?? name}`).join(", ")}`,
      `returns: ${counted(returns)}, of them ${counted(recovered)} recovered${share}, ${counted(returns - recovered)} told that they are new`,
      `found: ${found.join(", ")}`,
      ...(this.broken > 0 ? [`not played: ${counted(this.broken)}`] : []),
    ].join("\n");
  }
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(Math.max(COLUMNS[i]?.length ?? 0, 9))).join(" ");
}

function percent(part: number, whole: number): string {
  return `${part === whole ? 100 : Math.min(99.99, Math.floor((part * 10_000) / whole) / 100)} %`;
}

function counted(value: number): string {
  return value.toLocaleString("en");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function add(counts: Record<string, number>, name: string, by: number): void {
  counts[name] = (counts[name] ?? 0) + by;
}
