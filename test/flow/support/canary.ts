/**
 * The bird in the mine: while a fault is on, it makes a handshake and an echo every 100 ms, as a new client would, and
 * tells afterwards how that went. Its app answers `echo`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { onCleanup } from "./cleanup.js";
import { open, type Server } from "./client.js";
import { within } from "./eventually.js";

const BEAT_MS = 100;
const ROUND_MS = 5_000;

export interface CanaryReport {
  readonly rounds: number;
  /** Why rounds failed, in order; empty is what a test wants. */
  readonly failures: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Canary {
  stop(): Promise<CanaryReport>;
}

export function startCanary(server: Server): Canary {
  const song = new Song();
  const singing = sing(server, song);
  onCleanup(() => song.end(singing));
  return { stop: () => song.end(singing) };
}

class Song {
  readonly took: number[] = [];
  readonly failures: string[] = [];
  over = false;

  async end(singing: Promise<void>): Promise<CanaryReport> {
    this.over = true;
    await singing;
    const sorted = this.took.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const rounds = sorted.length + this.failures.length;
    return { rounds, failures: this.failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }
}

/** Rounds start on the beat whatever the last one took, as clients come whether or not others wait. */
async function sing(server: Server, song: Song): Promise<void> {
  const rounds: Promise<void>[] = [];
  while (!song.over) {
    rounds.push(round(server, song));
    await pause(BEAT_MS);
  }
  await Promise.all(rounds);
}

async function round(server: Server, song: Song): Promise<void> {
  const startedAt = performance.now();
  const client = open(server);
  try {
    await within(Promise.race([client.emitWithAck("echo", "tweet"), failure(client)]), ROUND_MS, "the canary's echo");
    song.took.push(performance.now() - startedAt);
  } catch (error) {
    song.failures.push(String(error));
  } finally {
    client.disconnect();
  }
}

function failure(client: ReturnType<typeof open>): Promise<never> {
  return new Promise((_, reject) => {
    client.once("connect_error", reject);
    client.once("disconnect", (reason) => reject(new Error(`disconnected: ${reason}`)));
  });
}
