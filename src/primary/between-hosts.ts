/** Whether sessions may come back on other hosts, and what is said when they cannot for a while. Runs in the primary. */
import type { Settings } from "../config/settings.js";
import type { Logger } from "../log/logger.js";
import { limiter } from "../log/rate.js";

const FAILURES_EVERY_MS = 10_000;

/** Where every host hears every event, through one Redis. */
export function mayCrossHosts({ redis, redisMode, recovery }: Settings): boolean {
  return recovery !== "off" && redisMode === "classic" && redis?.kind !== "cluster";
}

/** Sessions stay where they are until it is well again. */
export function storeFailureTeller(log: Logger): (err: Error) => void {
  const sparingly = limiter(FAILURES_EVERY_MS);
  return (err) =>
    sparingly((suppressed) => {
      const text = `sessions cannot move between hosts for now: ${err.message}`;
      log.warn({ event: "recovery-store-failed", suppressed, err }, text);
    });
}
