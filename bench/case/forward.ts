/**
 * What a polling request costs that comes in at a worker which has not its session, as a multiple of one that comes in
 * where the session is: within a host, by way of a sibling, and between two hosts. Both are measured in the same
 * processes, one after the other; an exchange is a POST with an event and the GET that brings its acknowledgement.
 */
import { accountCpu } from "../measure/cpu.js";
import type { Bench, Case, Sample } from "./case.js";

const SESSIONS = 8;
const WORKERS = 2;
const RATE_PER_SECOND = 2_000;

type Pairs = readonly (readonly [number, number])[];

const common = {
  unit: "×",
  workers: WORKERS,
  sides: ["holdfast"],
  goal: { atMost: 3.5 },
} satisfies Partial<Case>;

export const forward: Case = {
  ...common,
  name: "forward",
  title: "CPU of a polling exchange by way of a sibling, to a direct one",
  measure: (bench) => measure(bench, (workers) => pairsOf(workers, (one, other) => one !== other)),
};

export const hostsForward: Case = {
  ...common,
  name: "hosts-forward",
  title: "CPU of a polling exchange by way of another host, to a direct one",
  launch: { hosts: 2 },
  measure: (bench) => measure(bench, (workers) => pairsOf(workers, (one, other) => hostOf(one) !== hostOf(other))),
};

async function measure(bench: Bench, crossed: (workers: readonly string[]) => Pairs): Promise<Sample> {
  const { side, client } = bench;
  let workers: readonly string[] = [];
  for (const url of side.hostUrls) ({ workers } = await client.ask({ type: "poll", url, sessions: SESSIONS }));
  const direct = await cpuPerExchange(
    bench,
    workers.map((_, i) => [i, i]),
  );
  const forwarded = await cpuPerExchange(bench, crossed(workers));
  return {
    figure: forwarded.us / direct.us,
    notes: { directUs: direct.us, forwardedUs: forwarded.us, directP50Us: direct.p50Us, p50Us: forwarded.p50Us },
  };
}

/** Each session goes by the first connection of another worker, of those that the fewest go by. */
function pairsOf(workers: readonly string[], differ: (one: string, other: string) => boolean): Pairs {
  const carried = workers.map(() => 0);
  return workers.map((worker, session) => {
    const able = [...workers.keys()].filter((carrier) => differ(workers[carrier] as string, worker));
    const [carrier] = able.sort((a, b) => (carried[a] as number) - (carried[b] as number));
    if (carrier === undefined) throw new Error("all sessions are on one worker");
    carried[carrier] = (carried[carrier] as number) + 1;
    return [carrier, session] as const;
  });
}

/** The first four characters of a session's id. */
function hostOf(worker: string): string {
  return worker.slice(0, 4);
}

async function cpuPerExchange({ side, client, pace }: Bench, pairs: Pairs) {
  const exchange = (durationMs: number) => {
    const count = Math.ceil((RATE_PER_SECOND * durationMs) / 1000);
    return client
      .ask({ type: "exchange", pairs, ratePerSecond: RATE_PER_SECOND, count })
      .then((latency) => ({ ...latency, count }));
  };
  await exchange(pace.warmUpMs);
  const spent = accountCpu(side);
  const { count, p50Us } = await exchange(pace.measureMs);
  return { us: (spent().totalMs * 1000) / count, p50Us };
}
