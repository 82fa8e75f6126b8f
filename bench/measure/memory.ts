/**
 * Memory of all processes of a side as PSS: shared pages count once, divided among those that map them. File-backed
 * pages (the node binary) are left out, because any other node process on the machine changes this side's share of them.
 * Runs in the orchestrator; reads after a garbage collection, when the figure has come to rest.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Side } from "../side/side.js";

const POLL_MS = 250;
const AT_REST_KB = 128;
const AT_REST_WITHIN_MS = 10_000;

/** Collects all garbage, waits until two readings in a row are alike, and returns the last in kB. */
export async function settledPssKb(side: Side): Promise<number> {
  const deadline = performance.now() + AT_REST_WITHIN_MS;
  side.collectGarbage();
  let previous = Number.POSITIVE_INFINITY;
  let current = pssKb(side);
  while (Math.abs(previous - current) > AT_REST_KB && performance.now() < deadline) {
    await delay(POLL_MS);
    side.collectGarbage();
    previous = current;
    current = pssKb(side);
  }
  return current;
}

function pssKb({ pids }: Side): number {
  return pids.reduce((sum, pid) => sum + processPssKb(pid), 0);
}

function processPssKb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return kbOf(rollup, "Pss") - kbOf(rollup, "Pss_File");
}

function kbOf(rollup: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1]);
}
