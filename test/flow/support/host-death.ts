/** Hosts that keep each other's sessions: ends a whole one as a power failure would, or its primary alone. */
import { eventually } from "./eventually.js";
import type { Holdfast } from "./holdfast.js";
import { descendantsOf, gone } from "./process.js";
import type { RedisServer } from "./redis.js";

const SIGNS_OF_LIFE = "socket.io-holdfast-recovery#alive#*";
/** A sign of life is there for 8 s. */
const SILENT_WITHIN_MS = 15_000;

/** Sessions may come and go between them. */
export async function crossing(hosts: readonly Holdfast[]): Promise<void> {
  for (const host of hosts) await host.waitForStatus(({ recovery }) => recovery.mode === "redis");
}

/** So many still give a sign of life: the others are taken for dead. */
export async function onlyAlive(count: number, redis: RedisServer): Promise<void> {
  const living = async () => (await redis.cli("keys", SIGNS_OF_LIFE)).split("\n").filter(Boolean).length;
  await eventually(living, (left) => left === count, { withinMs: SILENT_WITHIN_MS, what: `${count} living hosts` });
}

/** SIGKILL to the primary and all its workers, in one go. */
export async function killHost(host: Holdfast): Promise<void> {
  const pids = [host.pid, ...descendantsOf(host.pid)];
  void host.exited;
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await gone(pids);
}

/** The workers find that it has gone, and end. */
export async function killPrimary(host: Holdfast): Promise<void> {
  const pids = [host.pid, ...descendantsOf(host.pid)];
  host.signal("SIGKILL");
  await gone(pids, 10_000);
}
