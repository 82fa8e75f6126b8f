/**
 * CPU per delivery: 200 clients on 4 workers, 200 messages a second to all of them, 40,000 deliveries a second.
 */
import type { Bench, Case, Sample } from "./case.js";
import { cpuPerMessage } from "./load.js";

const CLIENTS = 200;
const MESSAGES_PER_SECOND = 200;
const WORKERS = 4;

export const delivery: Case = {
  name: "delivery",
  title: "CPU per delivery, 200 clients × 200 messages/s, 4 workers",
  unit: "µs",
  workers: WORKERS,
  sides: ["holdfast", "recipe"],
  goal: { against: "recipe", atMost: 1 },
  measure,
};

export async function measure(bench: Bench): Promise<Sample> {
  const { side, client } = bench;
  const { slots } = await client.ask({ type: "connect", url: side.url, clients: CLIENTS, concurrency: 2 });
  const { figure, notes } = await cpuPerMessage(bench, {
    emitters: onePerWorker(slots),
    ratePerSecond: MESSAGES_PER_SECOND,
    burst: 1,
    receivers: CLIENTS,
  });
  return { figure: figure / CLIENTS, notes: { ...notes, fullestWorker: largestShare(slots) } };
}

/** For each worker that serves a client, the first such client. */
function onePerWorker(slots: readonly number[]): number[] {
  return [...new Set(slots)].map((slot) => slots.indexOf(slot));
}

function largestShare(slots: readonly number[]): number {
  return Math.max(...slots.map((slot) => slots.filter((other) => other === slot).length));
}
