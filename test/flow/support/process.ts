/**
 * What Linux tells about a process from outside, read from /proc: who its children are, whether it lives, how many
 * descriptors, bytes and CPU it has taken. Nothing here asks the process itself, so a stuck one answers as well.
 */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { eventually } from "./eventually.js";

/** Linux counts CPU time in ticks of 10 ms (USER_HZ is 100 on every architecture that Node runs on). */
const TICK_MS = 10;
const PAGE_BYTES = 4096;

export interface ProcessStat {
  readonly pid: number;
  /** R running, S sleeping, D in the kernel, T stopped, Z zombie. */
  readonly state: string;
  readonly parent: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** Undefined when there is no such process. */
export function statOf(pid: number): ProcessStat | undefined {
  const text = readOrUndefined(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The command stands in parentheses and may hold anything, so the fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    state: fields[0] ?? "?",
    parent: Number(fields[1]),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    rssBytes: Number(fields[21]) * PAGE_BYTES,
  };
}

/** A zombie counts as gone: it runs no more and only waits to be asked for its exit code. */
export function isAlive(pid: number): boolean {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}

export function stateOf(pid: number): string | undefined {
  return statOf(pid)?.state;
}

export function allProcesses(): ProcessStat[] {
  return numericEntries("/proc").flatMap((pid) => statOf(pid) ?? []);
}

/** Zombies are among them. */
export function childrenOf(pid: number): number[] {
  return allProcesses()
    .filter((process) => process.parent === pid)
    .map((process) => process.pid);
}

export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Waits until all of them are gone. */
export async function gone(pids: number | readonly number[], withinMs = 5_000): Promise<void> {
  const all = typeof pids === "number" ? [pids] : pids;
  await eventually(
    () => all.filter(isAlive),
    (alive) => alive.length === 0,
    { withinMs, what: `the end of ${all}` },
  );
}

export function fdCount(pid: number): number {
  return numericEntries(`/proc/${pid}/fd`).length;
}

export function socketCount(pid: number): number {
  return descriptorTargets(pid).filter((target) => target.startsWith("socket:")).length;
}

/** What each open descriptor is, as /proc names it: `socket:[123]`, `/dev/null`, `anon_inode:[eventpoll]`. */
export function descriptorTargets(pid: number): string[] {
  return numericEntries(`/proc/${pid}/fd`).flatMap((fd) => linkOrNothing(`/proc/${pid}/fd/${fd}`));
}

export function rssBytes(pid: number): number {
  return statOf(pid)?.rssBytes ?? 0;
}

export function cpuMs(pid: number): number {
  return statOf(pid)?.cpuMs ?? 0;
}

export function commandOf(pid: number): string {
  return (readOrUndefined(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ").trim();
}

/** The environment a process was started with; empty when it is not ours to read. */
export function environmentOf(pid: number): readonly string[] {
  return (readOrUndefined(`/proc/${pid}/environ`) ?? "").split("\0");
}

function numericEntries(directory: string): number[] {
  try {
    return readdirSync(directory).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

function linkOrNothing(path: string): string[] {
  try {
    return [readlinkSync(path)];
  } catch {
    return [];
  }
}

/** Starts the account of `peakRssBytes` anew. */
export function forgetPeakRss(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** The most that it has had resident. */
export function peakRssBytes(pid: number): number {
  const [, kb] = /^VmHWM:\s+(\d+) kB/m.exec(readOrUndefined(`/proc/${pid}/status`) ?? "") ?? [];
  return Number(kb) * 1024;
}
