/**
 * CPU per connection: a WebSocket client that connects at Engine.IO and Socket.IO and then closes, 400 a second over 4
 * workers. The CPU of connects that failed is in the figure, divided among those that did not.
 */
import { accountCpu } from "../measure/cpu.js";
import type { Bench, Case, Sample } from "./case.js";

const RATE_PER_SECOND = 400;
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
  const churn = (durationMs: number) =>
    client.ask({
      type: "churn",
      url: side.url,
      ratePerSecond: RATE_PER_SECOND,
      count: (RATE_PER_SECOND * durationMs) / 1000,
    });
  await churn(pace.warmUpMs);
  const spent = accountCpu(side);
  const { opened, failed, latency } = await churn(pace.measureMs);
  const { totalMs, primaryMs } = spent();
  return {
    figure: (totalMs * 1000) / opened,
    notes: { primaryUs: (primaryMs * 1000) / opened, opened, failed, ...latency },
  };
}
