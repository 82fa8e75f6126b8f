/** What recovery costs: the same load with it and without. */
import type { Bench, Case } from "./case.js";
import { delivery, measure as measureDelivery } from "./delivery.js";
import { cpuPerMessage } from "./load.js";

const DIRECT_CLIENTS = 40;
const DIRECT_PER_SECOND = 4_000;

const common = { unit: "µs", workers: 4, sides: ["recovery", "holdfast"] } satisfies Partial<Case>;

export const recoveryDelivery: Case = {
  ...common,
  name: "recovery",
  title: `${delivery.title}, with recovery and without`,
  goal: { of: "recovery", against: "holdfast", atMost: 1.15 },
  measure: measureDelivery,
};

export const recoveryDirect: Case = {
  ...common,
  name: "recovery-direct",
  title: "CPU per socket.emit(), with recovery and without",
  goal: { of: "recovery", against: "holdfast", atMost: 2 },
  measure: measureDirect,
};

export const recoveryLatency: Case = {
  ...common,
  name: "recovery-latency-p99",
  title: "Latency at 200 clients × 200 messages/s, p99, with recovery and without",
  goal: { of: "recovery", against: "holdfast", atMost: 1.2 },
  measure: async (bench) => {
    const { figure, notes } = await measureDelivery(bench);
    return { figure: notes.p99Us as number, notes: { cpuUs: figure, ...notes } };
  },
};

async function measureDirect(bench: Bench) {
  const { side, client } = bench;
  await client.ask({ type: "connect", url: side.url, clients: DIRECT_CLIENTS, concurrency: 2 });
  return cpuPerMessage(bench, {
    emitters: Array.from({ length: DIRECT_CLIENTS }, (_, i) => i),
    ratePerSecond: DIRECT_PER_SECOND,
    burst: 1,
    room: "=self",
    receivers: 1,
  });
}
