/** Hosts that keep each other's sessions: ends a whole one as a power failure would, or its primary alone. */
import type { Holdfast } from "./holdfast.js";
import { descendantsOf, gone } from "./process.js";

/** Sessions may come and go between them. */
export async function crossing(hosts: readonly Holdfast[]): Promise<void> {
  for (const host of hosts) await host.waitForStatus(({ recovery }) => recovery.mode === "redis");
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
