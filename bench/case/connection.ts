/**
 * CPU per connection: a WebSocket client that connects at Engine.IO and Socket.IO and then closes, 400 a second over 4
 * workers. The CPU of connects that failed is in the figure, divided among those that did not.
 */
import { accountCpu } from "../measure/cpu.js";
import type { Bench, Case, Sample } from "./case.js";

const RATE_PER_SECOND = 400;
/**
 * V8 goes on compiling for some 3,000 connections in each worker; until then that is a third of the figure. The recipe
 * was seen to put two fifths of them on one of 4 workers, where that should be over sooner.
 */
const WARM_UP_RATE_PER_SECOND = 1_000;
const WARM_UP_LONGER = 1.5;
const WORKERS = 4;

export const connection: Case = {
  name: "connection",
  title: "CPU per connection opened and closed, 4 workers",
  unit: "µs",
  workers: WORKERS,
  sides: ["holdfast", "recipe"],
  goal: { against: "recipe", atMost: 1 },
  measure,
};

async function measure({ side, client, pace }: Bench): Promise<Sample> {
  const churn = (ratePerSecond: number, durationMs: number) =>
    client.ask({ type: "churn", url: side.url, ratePerSecond, count: (ratePerSecond * durationMs) / 1000 });
  await churn(WARM_UP_RATE_PER_SECOND, pace.warmUpMs * WARM_UP_LONGER);
  const spent = accountCpu(side);
  const { opened, failed, latency } = await churn(RATE_PER_SECOND, pace.measureMs);
  const { totalMs, primaryMs } = spent();
  return {
    figure: (totalMs * 1000) / opened,
    notes: { primaryUs: (primaryMs * 1000) / opened, opened, failed, ...latency },
  };
}
