/**
 * CPU per broadcast to a room whose one member is on one of 8 workers, each of which serves a client. Emitted by another
 * worker, ten at a time; by all the others, each message alone; and by the worker where the room lives.
 */
import { connectOnePerWorker } from "./broadcast.js";
import type { Bench, Case } from "./case.js";
import { cpuPerMessage, type LoadPlan } from "./load.js";

const WORKERS = 8;
const ROOM = "room";
const MEMBER = 0;
const ANOTHER = 1;
const ALL_OTHERS = [1, 2, 3, 4, 5, 6, 7];

const common = {
  unit: "µs",
  workers: WORKERS,
  sides: ["holdfast", "recipe"],
  goal: { against: "recipe", atMost: 0.15 },
} satisfies Partial<Case>;

export const room: Case = {
  ...common,
  name: "room",
  title: "CPU per broadcast to a room in one of 8 workers, ten at a time",
  measure: (bench) => measure(bench, { emitters: [ANOTHER], ratePerSecond: 2_000, burst: 10 }),
};

export const roomAlone: Case = {
  ...common,
  name: "room-alone",
  title: "CPU per broadcast to a room in one of 8 workers, each alone",
  measure: (bench) => measure(bench, { emitters: ALL_OTHERS, ratePerSecond: 1_750, burst: 1 }),
};

export const roomWithin: Case = {
  ...common,
  name: "room-within",
  title: "CPU per broadcast to a room in the emitting one of 8 workers",
  measure: (bench) => measure(bench, { emitters: [MEMBER], ratePerSecond: 2_000, burst: 10 }),
};

async function measure(bench: Bench, plan: Omit<LoadPlan, "room" | "receivers">) {
  await connectOnePerWorker(bench, WORKERS);
  await bench.client.ask({ type: "join", client: MEMBER, room: ROOM });
  return cpuPerMessage(bench, { ...plan, room: ROOM, receivers: 1 });
}
