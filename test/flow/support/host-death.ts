/** Ends a whole host as a power failure would, or its primary alone. */
import type { Holdfast } from "./holdfast.js";
import { descendantsOf, gone } from "./process.js";

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
