/**
 * Runs once in vitest's own process, around all files: what a file started and could not stop, because its own process
 * was killed or ran out of time, is found here and fails the run.
 */
import { randomUUID } from "node:crypto";
import { expectNoLeftover, RUN_MARK } from "../flow/support/leftover.js";
import { statOf } from "../flow/support/process.js";

export function setup(): () => Promise<void> {
  process.env[RUN_MARK] ??= randomUUID();
  return () => teardown(process.env[RUN_MARK] as string);
}

async function teardown(mark: string): Promise<void> {
  try {
    await expectNoLeftover(RUN_MARK, mark, isOfVitest);
  } catch (error) {
    // Vitest prints what a teardown throws and ends with 0 all the same.
    process.exitCode = 1;
    throw error;
  }
}

/** Vitest's own children carry the mark and are still there; what they left behind has another parent by now. */
function isOfVitest(pid: number): boolean {
  return statOf(pid)?.parent === process.pid;
}
