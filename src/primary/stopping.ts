/** How a primary that is told to stop goes about it. */
import type { Acceptor } from "./acceptor/acceptor.js";
import type { Supervisor } from "./supervisor/supervisor.js";

/** Of the time for a stop, the part in which what was accepted may still reach a worker; and no more than this. */
const SETTLE_SHARE = 0.5;
const MOST_SETTLE_MS = 5_000;

/** To be called each time a stop is asked for: the second time it means now, whatever was accepted. */
export function stopper(
  acceptor: Pick<Acceptor, "settle">,
  supervisor: Pick<Supervisor, "stop" | "stopNow">,
  drainTimeoutMs: number,
): () => void {
  let isAsked = false;
  return () => {
    if (isAsked) return supervisor.stopNow();
    isAsked = true;
    const withinMs = Math.min(SETTLE_SHARE * drainTimeoutMs, MOST_SETTLE_MS);
    void acceptor.settle(withinMs).then(() => supervisor.stop());
  };
}
