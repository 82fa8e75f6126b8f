/**
 * What a worker's silence means. A worker beats once a second while its event loop turns, so silence tells a stopped or
 * spinning process from one that is merely busy. Pure.
 */
import { BEAT_INTERVAL_MS } from "../../protocol/control.js";

/**
 * Two beats have been missed, less the time until the supervisor looks again: a worker must be without new connections
 * 2 s after it stopped.
 */
const STUCK_AFTER_MS = 2 * BEAT_INTERVAL_MS - 250;

/** `stuck`: give it nothing new, it may come back. `lost`: it had its time, replace it. */
export type Pulse = "steady" | "stuck" | "lost";

export function pulse(lastBeatMs: number, nowMs: number, workerTimeoutMs: number): Pulse {
  const silentMs = nowMs - lastBeatMs;
  if (silentMs >= workerTimeoutMs) return "lost";
  return silentMs >= STUCK_AFTER_MS ? "stuck" : "steady";
}
