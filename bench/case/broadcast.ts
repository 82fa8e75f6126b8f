/**
 * CPU per broadcast at 8 workers with one client on each: little delivery, so that what is measured is the way of a
 * message from worker to worker. Once ten at a time, where the work counts, and once each alone, where it is mostly the
 * waking of processes.
 */
import type { Bench, Case } from "./case.js";
import { cpuPerMessage } from "./load.js";

const WORKERS = 8;
const EVERY_WORKER = [0, 1, 2, 3, 4, 5, 6, 7];
const RATE_PER_SECOND = 2_000;

const common = {
  unit: "µs",
  workers: WORKERS,
  sides: ["holdfast", "recipe"],
  goal: { against: "recipe", atMost: 0.35 },
} satisfies Partial<Case>;

export const broadcast: Case = {
  ...common,
  name: "broadcast",
  title: "CPU per broadcast, 8 workers, ten at a time",
  measure: (bench) => measure(bench, 10),
};

export const broadcastAlone: Case = {
  ...common,
  name: "broadcast-alone",
  title: "CPU per broadcast, 8 workers, each alone",
  measure: (bench) => measure(bench, 1),
};

async function measure(bench: Bench, burst: number) {
  await connectOnePerWorker(bench, WORKERS);
  return cpuPerMessage(bench, { emitters: EVERY_WORKER, ratePerSecond: RATE_PER_SECOND, burst, receivers: WORKERS });
}

export function connectOnePerWorker({ side, client }: Bench, workers: number) {
  return client.ask({ type: "connect", url: side.url, clients: workers, concurrency: 1, apart: true });
}
