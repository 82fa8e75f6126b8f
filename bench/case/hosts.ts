/**
 * Two hosts of 4 workers, joined by Redis: what a broadcast over both costs the hosts' processes and Redis, and how long
 * a message takes from host to host. The recipe here is sticky with redis-adapter in every worker.
 */
import type { Bench, Case, Sample } from "./case.js";
import { cpuPerMessage } from "./load.js";

const HOSTS = 2;
const WORKERS = 4;
const EVERY_CLIENT = [0, 1, 2, 3, 4, 5, 6, 7];
const ON_FIRST_HOST = [0, 1, 2, 3];
const ON_SECOND_HOST = [4, 5, 6, 7];
const ROOM = "room";

const common = {
  unit: "µs",
  workers: WORKERS,
  launch: { hosts: HOSTS },
  sides: ["holdfast", "recipe"],
} satisfies Partial<Case>;

export const hostsBroadcast: Case = {
  ...common,
  name: "hosts-broadcast",
  title: "CPU per broadcast of all processes of 2 hosts × 4 workers, ten at a time",
  goal: { against: "recipe", atMost: 0.5 },
  measure: broadcast,
};

export const hostsRedis: Case = {
  ...common,
  name: "hosts-redis",
  title: "CPU of Redis per broadcast, 2 hosts × 4 workers",
  goal: { against: "recipe", atMost: 0.5 },
  measure: async (bench) => {
    const { figure, notes } = await broadcast(bench);
    return { figure: notes.redisUs as number, notes: { hostsUs: figure, ...notes } };
  },
};

export const hostsLatencyMiddle: Case = {
  ...common,
  name: "hosts-latency-p50",
  title: "Latency from host to host at 1,000 messages/s, p50",
  goal: { against: "recipe", atMost: 1.2 },
  measure: (bench) => latency(bench, "p50Us"),
};

export const hostsLatencyTail: Case = {
  ...common,
  name: "hosts-latency-p99",
  title: "Latency from host to host at 1,000 messages/s, p99",
  goal: { against: "recipe", atMost: 1.2 },
  measure: (bench) => latency(bench, "p99Us"),
};

async function broadcast(bench: Bench): Promise<Sample> {
  await connectOnEveryHost(bench);
  return cpuPerMessage(bench, { emitters: EVERY_CLIENT, ratePerSecond: 2_000, burst: 10, receivers: HOSTS * WORKERS });
}

/** The room is on the second host alone, in all its workers; the workers of the first emit, each message by itself. */
async function latency(bench: Bench, percentile: "p50Us" | "p99Us"): Promise<Sample> {
  await connectOnEveryHost(bench);
  for (const client of ON_SECOND_HOST) await bench.client.ask({ type: "join", client, room: ROOM });
  const plan = { emitters: ON_FIRST_HOST, ratePerSecond: 1_000, burst: 1, room: ROOM, receivers: WORKERS };
  const { figure, notes } = await cpuPerMessage(bench, plan);
  return { figure: notes[percentile] as number, notes: { cpuUs: figure, ...notes } };
}

/** A client on each worker, those of the first host first. */
async function connectOnEveryHost({ side, client }: Bench): Promise<void> {
  for (const url of side.hostUrls) {
    await client.ask({ type: "connect", url, clients: WORKERS, concurrency: 1, apart: true });
  }
}
