/**
 * The leak oracle: after a test, and once it is quiet, a host must be as it was when it was warm: the same connections,
 * sessions and sockets, the same descriptors in every process, no zombie, and no more memory than it may keep.
 */
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "./eventually.js";
import { heapOf } from "./heap.js";
import type { Holdfast } from "./holdfast.js";
import { childrenOf, fdCount, rssBytes, socketCount, stateOf } from "./process.js";

const QUIET_MS = 20_000;
/** A connection that we have closed is closed there a moment later. */
const SETTLE_MS = 50;
/** Workers count for the status once a second, so two equal looks within one may be one look. */
const STEADY_MS = 2_000;
const RSS_GROWTH_BYTES = 20 * 1024 * 1024;

export interface Footprint {
  /** What must come back exactly. */
  readonly exact: ExactFootprint;
  readonly rssBytes: number;
}

export interface ExactFootprint {
  readonly primary: { readonly descriptors: number; readonly sockets: number };
  /** By slot; a worker that was replaced is compared with its predecessor. */
  readonly workers: Readonly<Record<number, WorkerFootprint>>;
  readonly zombies: number;
  /** Entries of all Maps and Sets of the primary, when it was started with `inspect: true`. */
  readonly entries?: number;
}

export interface WorkerFootprint {
  readonly connections: number;
  readonly sessions: number;
  readonly sockets: number;
  readonly descriptors: number;
}

/** Take it after warming up: code that has never run has not allocated yet. Waits until nothing changes any more. */
export async function footprint(host: Holdfast): Promise<Footprint> {
  const what = `a footprint that stays the same for ${STEADY_MS} ms`;
  const { exact } = await eventually(lookerAt(host), isSteady, { withinMs: QUIET_MS, what });
  return { exact, rssBytes: rssBytes(host.pid) };
}

interface Look {
  readonly exact: ExactFootprint;
  readonly text: string;
  /** For how long it has been so. */
  readonly steadyMs: number;
}

function lookerAt(host: Holdfast): () => Promise<Look> {
  let last: string | undefined;
  let sinceMs = 0;
  return async () => {
    const beganMs = performance.now();
    const exact = await exactFootprint(host);
    const text = JSON.stringify(exact);
    if (text !== last) sinceMs = performance.now();
    last = text;
    return { exact, text, steadyMs: beganMs - sinceMs };
  };
}

function isSteady({ steadyMs }: Look): boolean {
  return steadyMs > STEADY_MS;
}

/** Waits until the host is as it was before. */
export async function expectSameFootprint(
  host: Holdfast,
  before: Footprint,
  { rssBytes: growthBytes = RSS_GROWTH_BYTES, withinMs = QUIET_MS }: { rssBytes?: number; withinMs?: number } = {},
): Promise<void> {
  const wanted = JSON.stringify(before.exact);
  await eventually(lookerAt(host), (look) => look.text === wanted && isSteady(look), {
    withinMs,
    what: `the footprint ${wanted}`,
  });
  const grownBytes = rssBytes(host.pid) - before.rssBytes;
  if (grownBytes > growthBytes) throw new Error(`the primary grew by ${grownBytes} bytes, allowed are ${growthBytes}`);
}

/** Descriptors are counted before asking for the status and after a pause: the question itself takes one. */
async function exactFootprint(host: Holdfast): Promise<ExactFootprint> {
  const heap = host.inspected ? { entries: (await heapOf(host)).entries } : {};
  await pause(SETTLE_MS);
  const { pid } = host;
  const primary = { descriptors: fdCount(pid), sockets: socketCount(pid) };
  const zombies = childrenOf(pid).filter((child) => stateOf(child) === "Z").length;
  return { primary, zombies, ...heap, workers: await workerFootprints(host) };
}

async function workerFootprints(host: Holdfast): Promise<Record<number, WorkerFootprint>> {
  const rows = await host.workers();
  return Object.fromEntries(
    rows.map(({ slot, pid, connections, sessions, sockets }) => [
      slot,
      { connections, sessions, sockets, descriptors: fdCount(pid) },
    ]),
  );
}
