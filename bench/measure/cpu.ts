/**
 * CPU time of all processes of a side, user and kernel, of all threads, in nanoseconds: the scheduler's own account
 * (/proc/PID/task/TID/schedstat), since the ticks of /proc/PID/stat are 10 ms. Runs in the orchestrator.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Side } from "../side/side.js";

export interface CpuSpent {
  readonly totalMs: number;
  /** Of the total, what the primary took. */
  readonly primaryMs: number;
  readonly elapsedMs: number;
}

/** Starts an account; the returned function reads it. Throws when a process of the side has died in between. */
export function accountCpu(side: Pick<Side, "pids">): () => CpuSpent {
  const startedAt = performance.now();
  const before = side.pids.map(cpuMs);
  return () => {
    const spent = side.pids.map((pid, i) => cpuMs(pid) - (before[i] as number));
    return {
      totalMs: spent.reduce((sum, ms) => sum + ms, 0),
      primaryMs: spent[0] as number,
      elapsedMs: performance.now() - startedAt,
    };
  };
}

function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadMs(pid, thread), 0);
}

function threadMs(pid: number, thread: string): number {
  const [runNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
  return Number(runNs) / 1e6;
}
