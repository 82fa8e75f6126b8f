/** What a worker tells of itself once a second: how much it has, and how busy its event loop was since the last time. */
import { type EventLoopUtilization, performance } from "node:perf_hooks";
import type { Server } from "socket.io";
import type { WorkerStats } from "../protocol/control.js";
import { EventLoopLag } from "./event-loop-lag.js";

export interface StatsSource {
  readonly io: Server;
  readonly connections: () => number;
  readonly relays: () => number;
  readonly dropped: () => Readonly<Record<string, number>>;
  readonly done: () => Readonly<Record<string, number>>;
}

export class Stats {
  readonly #source: StatsSource;
  readonly #lag = new EventLoopLag();
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  #rssBytes = 0;

  constructor(source: StatsSource) {
    this.#source = source;
  }

  /** `elu` and `lagMs` are of the time since the last sample. */
  sample(): WorkerStats {
    const { io, connections, relays, dropped, done } = this.#source;
    const elu = this.#takeUtilization();
    return {
      connections: connections(),
      sessions: io.engine.clientsCount,
      sockets: countSockets(io),
      rssBytes: this.#lookAtMemory(),
      elu,
      lagMs: round(this.#lag.takeWorstMs(elu), 1),
      relays: relays(),
      dropped: dropped(),
      done: done(),
    };
  }

  /** Linux tells it in a file, so a worker that is out of descriptors is not told: then what it was holds. */
  #lookAtMemory(): number {
    try {
      this.#rssBytes = process.memoryUsage.rss();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EMFILE") throw error;
    }
    return this.#rssBytes;
  }

  #takeUtilization(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    return round(utilization, 3);
  }
}

function countSockets(io: Server): number {
  let count = 0;
  for (const namespace of io._nsps.values()) count += namespace.sockets.size;
  return count;
}

/** Not a number where nothing was measured yet, and JSON has no word for that. */
function round(value: number, digits: number): number {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : 0;
}
