/** What is wrong with settings together, each of which is right by itself. Primary only; pure. */
import type { Origins } from "./print.js";
import type { Settings } from "./settings.js";

/** One line for each. */
export function contradictionsIn({ redis, redisRequired }: Settings, origins: Origins): string[] {
  if (!redisRequired || redis !== undefined) return [];
  return [`redis-required is on (${origins.get("redisRequired")}), but redis is off: give --redis, or take it back`];
}
