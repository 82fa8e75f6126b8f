/**
 * Finds processes that outlive the test, file or run that started them. Each file and each run puts a mark into its
 * environment; children inherit it, also detached ones whose parent is gone, and /proc shows it.
 */
import { setTimeout as pause } from "node:timers/promises";
import { allProcesses, commandOf, environmentOf, isAlive, statOf } from "./process.js";

export const FILE_MARK = "TEST_FILE_MARK";
export const RUN_MARK = "TEST_RUN_MARK";

const GRACE_MS = 5_000;
const POLL_MS = 20;

type Ignore = (pid: number) => boolean;

/** Ends processes that carry the mark, except those to ignore, and throws LeftoverError naming them. */
export async function expectNoLeftover(
  mark: string,
  value: string,
  ignore: Ignore = () => false,
  graceMs = GRACE_MS,
): Promise<void> {
  const left = await leftAfter(graceMs, () => marked(mark, value).filter((pid) => !ignore(pid)));
  if (left.length === 0) return;
  const names = left.map((pid) => `${pid} ${commandOf(pid)}`);
  for (const pid of left) kill(pid);
  throw new LeftoverError(names);
}

/** The living processes that carry the mark. */
export function marked(mark: string, value: string): number[] {
  const entry = `${mark}=${value}`;
  return allProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => pid !== process.pid && isAlive(pid) && environmentOf(pid).includes(entry));
}

/** Whether a process is one of `roots` or descends from one: a supervisor that lives on may replace its workers. */
export function isWithin(roots: Iterable<number>): Ignore {
  const allowed = new Set(roots);
  return (pid) => {
    for (let at = pid; at > 0; at = statOf(at)?.parent ?? 0) if (allowed.has(at)) return true;
    return false;
  };
}

export class LeftoverError extends Error {
  override readonly name = "LeftoverError";

  constructor(processes: readonly string[]) {
    super(`processes were left behind:\n${processes.join("\n")}`);
  }
}

async function leftAfter(graceMs: number, look: () => number[]): Promise<number[]> {
  const deadline = performance.now() + graceMs;
  for (;;) {
    const left = look();
    if (left.length === 0 || performance.now() > deadline) return left;
    await pause(POLL_MS);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended meanwhile.
  }
}
