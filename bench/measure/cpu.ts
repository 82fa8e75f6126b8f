/**
 * CPU time of all processes of a side, user and kernel, of all threads, in nanoseconds: the scheduler's own account
 * (/proc/PID/task/TID/schedstat), since the ticks of /proc/PID/stat are 10 ms. Runs in the orchestrator.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Side } from "../side/side.js";

export interface CpuSpent {
  readonly totalMs: number;
  /** Of the total, what the primaries took. */
  readonly primaryMs: number;
  /** What Redis took, which is none of the side's own; absent where there is none. */
  readonly redisMs: number | undefined;
  readonly elapsedMs: number;
}

/** Starts an account; the returned function reads it. Throws when a process of the side has died in between. */
export function accountCpu({ pids, primaryPids, redisPid }: Side): () => CpuSpent {
  const startedAt = performance.now();
  const [total, primary] = [accountOf(pids), accountOf(primaryPids)];
  const redis = redisPid === undefined ? undefined : accountOf([redisPid]);
  return () => ({
    totalMs: total(),
    primaryMs: primary(),
    redisMs: redis?.(),
    elapsedMs: performance.now() - startedAt,
  });
}

function accountOf(pids: readonly number[]): () => number {
  const sum = () => pids.reduce((ms, pid) => ms + cpuMs(pid), 0);
  const before = sum();
  return () => sum() - before;
}

function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadMs(pid, thread), 0);
}

function threadMs(pid: number, thread: string): number {
  const [runNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
  return Number(runNs) / 1e6;
}
