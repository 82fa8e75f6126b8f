/** Settings that are each right and make no sense together. Pure. */
import type { Settings } from "./settings.js";

/** Each names the settings and what to do. */
export function contradictions({ proxyProtocol, trustProxy }: Settings): string[] {
  if (!proxyProtocol || trustProxy !== undefined) return [];
  return [
    "proxy-protocol is on, but trust-proxy names nobody whose PROXY header would be read: name the balancer there",
  ];
}
