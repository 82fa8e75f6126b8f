/**
 * The one object that says how the host is: `/status` prints it, `/readyz` reads it. Pure and in the primary; it is built
 * from what the other parts know and refuses to know them, or where the answer goes.
 */

export interface Status {
  readonly host: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly generation: number;
  readonly state: HostState;
  readonly workers: readonly WorkerRow[];
  readonly redis: RedisState;
  readonly recovery: {
    readonly mode: "off" | "host" | "redis";
    readonly entries: number;
    readonly bytes: number;
    readonly sessions: number;
  };
  /** By name: what was refused, dropped or relayed since the start, and how much is held now. */
  readonly counters: Readonly<Record<string, number>>;
}

/** `hosts`: this one and those of its cluster that it knows of; while Redis is away it knows of none. */
export interface RedisState {
  readonly state: "off" | "connecting" | "ready" | "down";
  readonly hosts: number;
}

/** `degraded`: fewer workers than wanted are ready and answer, or Redis is away. */
export type HostState = "starting" | "ready" | "degraded" | "reloading" | "stopping";

/** One worker process. While a slot changes hands it has two rows. */
export interface WorkerRow {
  readonly slot: number;
  readonly pid: number;
  readonly generation: number;
  readonly state: "starting" | "ready" | "draining" | "stopped";
  /** Only there when its event loop stands still: it gets no new connections, and is killed if it lasts. */
  readonly stuck?: true;
  readonly connections: number;
  readonly sessions: number;
  readonly sockets: number;
  /** How often this slot's worker has been replaced because it had died. */
  readonly restarts: number;
  readonly rssBytes: number;
  readonly elu: number;
  readonly lagMs: number;
}

/** What the primary's parts contribute. */
export interface StatusFacts {
  readonly host: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly generation: number;
  readonly phase: "starting" | "running" | "reloading" | "stopping";
  readonly wantedWorkers: number;
  readonly workers: readonly WorkerRow[];
  readonly redis: RedisState;
  readonly recovery: Status["recovery"];
  readonly counters: Readonly<Record<string, number>>;
}

export function status(facts: StatusFacts): Status {
  return {
    host: facts.host,
    version: facts.version,
    uptimeMs: Math.round(facts.uptimeMs),
    generation: facts.generation,
    state: hostState(facts),
    workers: facts.workers,
    redis: facts.redis,
    recovery: facts.recovery,
    counters: facts.counters,
  };
}

function hostState({ phase, workers, wantedWorkers, redis }: StatusFacts): HostState {
  if (phase !== "running") return phase;
  return readyCount(workers) < wantedWorkers || isAway(redis) ? "degraded" : "ready";
}

function isAway({ state }: RedisState): boolean {
  return state === "connecting" || state === "down";
}

/** Whether a load balancer should send connections here, and in words why or why not. */
export interface Readiness {
  readonly serving: boolean;
  readonly reason: string;
}

/** One ready worker serves: taking a host out because it is slower than it should be would only load the others more. */
export function readiness({ state, workers, redis }: Pick<Status, "state" | "workers" | "redis">): Readiness {
  const ready = readyCount(workers);
  const serving = state !== "starting" && state !== "stopping" && ready > 0;
  const away = isAway(redis) ? ", Redis is away" : "";
  return { serving, reason: `${state}, ${ready} of ${workers.length} workers ready${away}` };
}

function readyCount(workers: readonly WorkerRow[]): number {
  return workers.filter(({ state, stuck }) => state === "ready" && !stuck).length;
}
