/** Settings that are each right and make no sense together. Primary only; pure. */
import type { Origins } from "./print.js";
import type { Settings } from "./settings.js";

/** One line for each, which names the settings and what to do. */
export function contradictionsIn(settings: Settings, origins: Origins): string[] {
  const { redis, redisRequired, proxyProtocol, trustProxy } = settings;
  const problems: string[] = [];
  if (redisRequired && redis === undefined) {
    const origin = origins.get("redisRequired");
    problems.push(`redis-required is on (${origin}), but redis is off: give --redis, or take it back`);
  }
  if (proxyProtocol && trustProxy === undefined) {
    problems.push(
      "proxy-protocol is on, but trust-proxy names nobody whose PROXY header would be read: name the balancer there",
    );
  }
  return problems;
}
