/**
 * Where a connection goes that has no session yet. Pure but for each policy's own memory: the candidates are workers that
 * take new connections, each with what was handed to it and has not closed.
 */
import { createHash } from "node:crypto";
import type { Balance as BalanceName } from "../../config/settings.js";

export interface Candidate {
  readonly slot: number;
  /** Counted when a connection is handed over, not when its worker tells of it: a burst would all go to one. */
  readonly connections: number;
}

/** Chooses among at least one candidate. `address` is the client's, undefined on a Unix socket. */
export type Balance = <T extends Candidate>(candidates: readonly T[], address: () => string | undefined) => T;

export function createBalance(name: BalanceName): Balance {
  switch (name) {
    case "least-connection":
      return leastConnection();
    case "round-robin":
      return roundRobin();
    case "random":
      return (candidates) => at(candidates, Math.floor(Math.random() * candidates.length));
    case "ip-hash":
      return (candidates, address) => highest(candidates, (candidate) => weight(address() ?? "", candidate.slot));
  }
}

/** Among equals the one after the last chosen: short connections, of which none is ever open, then spread as well. */
function leastConnection(): Balance {
  let start = 0;
  return (candidates) => {
    let best = start % candidates.length;
    for (let step = 1; step < candidates.length; step++) {
      const index = (start + step) % candidates.length;
      if (at(candidates, index).connections < at(candidates, best).connections) best = index;
    }
    start = best + 1;
    return at(candidates, best);
  };
}

function roundRobin(): Balance {
  let next = 0;
  return (candidates) => at(candidates, next++ % candidates.length);
}

/** Rendezvous hashing: when a worker is away only its own clients move, and they come back to the same slot. */
function weight(address: string, slot: number): number {
  return createHash("md5").update(`${slot} ${address}`).digest().readUInt32LE(0);
}

function highest<T>(items: readonly T[], weigh: (item: T) => number): T {
  return items.reduce((best, item) => (weigh(item) > weigh(best) ? item : best));
}

function at<T>(items: readonly T[], index: number): T {
  return items[index] as T;
}
