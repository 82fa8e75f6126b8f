/** The bench's command line, checked. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Case, Pace } from "./case/case.js";
import type { SideName } from "./side/side.js";

export interface Options {
  readonly cases: readonly Case[];
  readonly sides: readonly SideName[];
  readonly pace: Pace;
  readonly holdfast: string;
  readonly json?: string;
  readonly markdown: boolean;
}

export class OptionError extends Error {
  override readonly name = "OptionError";
}

const SIDES: readonly SideName[] = ["holdfast", "recovery", "limits", "nginx", "recipe", "plain", "single", "flask"];
const FULL_PACE: Pace = { rounds: 5, warmUpMs: 10_000, idleMs: 1_000, measureMs: 5_000, idleClients: 2_000 };
const QUICK_PACE: Pace = { rounds: 1, warmUpMs: 3_000, idleMs: 500, measureMs: 2_000, idleClients: 500 };

const USAGE = `npm run bench -- [options]
  --only NAME        only this case (repeat)
  --side NAME        only this side: ${SIDES.join(", ")} (repeat)
  --rounds N         rounds of each case, default ${FULL_PACE.rounds}, with --quick ${QUICK_PACE.rounds}
  --quick            short rounds, for a first look
  --json FILE        also write figures of every round there
  --markdown         print the table of docs/benchmarks.md
  --holdfast FILE    the built primary.js to measure, default dist/primary.js`;

export function readOptions(argv: string[], cases: readonly Case[]): Options {
  const values = parse(argv);
  const base = values.quick ? QUICK_PACE : FULL_PACE;
  const sides = namesFrom(values.side, SIDES);
  return {
    cases: namesFrom(values.only, cases.map(nameOf)).map((name) => cases.find((each) => each.name === name) as Case),
    sides,
    pace: { ...base, rounds: values.rounds === undefined ? base.rounds : roundsFrom(values.rounds) },
    holdfast: builtPrimary(values.holdfast, sides),
    ...(values.json !== undefined && { json: values.json }),
    markdown: values.markdown ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        only: { type: "string", multiple: true },
        side: { type: "string", multiple: true },
        rounds: { type: "string" },
        quick: { type: "boolean" },
        json: { type: "string" },
        markdown: { type: "boolean" },
        holdfast: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new OptionError(`${(error as Error).message}\n${USAGE}`);
  }
}

function namesFrom<Name extends string>(given: string[] | undefined, known: readonly Name[]): readonly Name[] {
  const unknown = given?.find((name) => !known.some((each) => each === name));
  if (unknown !== undefined) throw new OptionError(`${unknown} is none of ${known.join(", ")}\n${USAGE}`);
  return given ? known.filter((name) => given.includes(name)) : known;
}

function roundsFrom(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new OptionError(`--rounds ${text} is not a positive number`);
  return rounds;
}

function builtPrimary(given: string | undefined, sides: readonly SideName[]): string {
  const path = given ?? fileURLToPath(new URL("../dist/primary.js", import.meta.url));
  if (sides.includes("holdfast") && !existsSync(path)) throw new OptionError(`${path} is not there: npm run build`);
  return path;
}

function nameOf({ name }: Case): string {
  return name;
}
