/**
 * How much gets through to clients whose connections break all the time: 1,000 clients, 2 messages a second to all of them,
 * each connection cut every 15 s or so, a second or two away. All sides have connection state recovery on, as far as
 * theirs goes.
 */
import { accountCpu } from "../measure/cpu.js";
import type { Bench, Case, Sample } from "./case.js";

const CLIENTS = 1_000;
const MESSAGES_PER_SECOND = 2;
/** Of those measures of time that a pace has, this is so many. */
const MEASURES = 12;

export const jitter: Case = {
  name: "jitter",
  title: "Deliveries to 1,000 clients, each cut off every ~15 s for 1–2 s",
  unit: "%",
  workers: 4,
  sides: ["recovery", "recipe", "single"],
  goal: { of: "recovery", against: "single", atLeast: 1 },
  launch: { recoverable: true },
  measure,
};

async function measure({ side, client, pace }: Bench): Promise<Sample> {
  const forMs = pace.measureMs * MEASURES;
  const spent = accountCpu(side);
  const command = { url: side.url, clients: CLIENTS, ratePerSecond: MESSAGES_PER_SECOND, forMs };
  const { due, received, twice, cuts, recovered, failedConnects } = await client.ask({ type: "jitter", ...command });
  const { totalMs, elapsedMs } = spent();
  return {
    figure: (received * 100) / due,
    notes: {
      lost: due - received,
      twice,
      cuts,
      recoveredPercent: cuts === 0 ? 0 : (recovered * 100) / cuts,
      failedConnects,
      busyPercent: (totalMs * 100) / elapsedMs,
    },
  };
}
