/**
 * Where a history takes place: one host, or two that a Redis joins, and proxies in front of them that break the clients'
 * connections. With two hosts each proxy is a load balancer without a memory: every connection goes where chance has it.
 */
import { eventually } from "../flow/support/eventually.js";
import { type FaultProxy, startProxy } from "../flow/support/proxy.js";
import { type RedisServer, startRedis } from "../flow/support/redis.js";
import type { Gaps, Refused } from "./entry.js";
import type { Random } from "./random.js";
import { type Seat, startSeat } from "./seat.js";

export interface WorldOptions {
  readonly hosts: number;
  /** Of each host. */
  readonly workers: number;
  readonly args: readonly string[];
}

const FRONTS = 4;
const READY_MS = 60_000;
/** Nothing that Redis has confirmed is lost when it is killed. */
const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];
const QUICK = ["--worker-timeout", "2s", "--drain-timeout", "4s"];

export async function startWorld({ hosts, workers, args }: WorldOptions, random: Random): Promise<World> {
  const redis = hosts > 1 ? await startRedis({ args: DURABLE }) : undefined;
  const seats: Seat[] = [];
  const ways: FaultProxy[] = [];
  for (let i = 0; i < hosts; i++) {
    const way = redis && (await startProxy({ url: redis.url }));
    if (way) ways.push(way);
    const joining = way ? ["--redis", way.url.replace("http:", "redis:")] : [];
    seats.push(await startSeat({ workers, args: [...QUICK, ...joining, ...args] }));
  }
  const balanced = {
    get url() {
      const up = seats.filter(({ isDown }) => !isDown);
      return random.one(up.length > 0 ? up : seats).url;
    },
  };
  const fronts = await Promise.all(Array.from({ length: FRONTS }, () => startProxy(balanced)));
  const world = new World(seats, fronts, redis, ways);
  await world.hearEachOther();
  return world;
}

export class World {
  readonly seats: readonly Seat[];
  /** Where clients connect. */
  readonly fronts: readonly FaultProxy[];
  readonly redis: RedisServer | undefined;
  /** Of each host its way to Redis. */
  readonly ways: readonly FaultProxy[];

  constructor(
    seats: readonly Seat[],
    fronts: readonly FaultProxy[],
    redis: RedisServer | undefined,
    ways: FaultProxy[],
  ) {
    this.seats = seats;
    this.fronts = fronts;
    this.redis = redis;
    this.ways = ways;
  }

  /** Resolves when every host says that it has Redis, whoever serves there by then. */
  async hearEachOther(): Promise<void> {
    if (!this.redis) return;
    const lost = async () => {
      const have = await Promise.all(this.seats.map((seat) => seat.hasRedis()));
      return have.filter((has) => !has).length;
    };
    await eventually(lost, (count) => count === 0, { withinMs: READY_MS, what: "all hosts have Redis" });
  }

  /** Why sessions were not given back, by those who serve now and can be asked. */
  async refused(): Promise<Refused> {
    const told: Record<string, Record<string, number>> = {};
    for (const { holdfast, boot } of this.seats.filter(({ isDown }) => !isDown)) {
      const status = await holdfast.status().catch(() => undefined);
      if (!status) continue;
      const why: Record<string, number> = {};
      for (const [name, count] of Object.entries(status.counters)) {
        const [, reason] = name.split("recoveryRefused-");
        if (reason !== undefined) why[reason] = count;
      }
      told[boot] = why;
    }
    return told;
  }

  async gaps(): Promise<Gaps> {
    const told: Record<string, number> = {};
    for (const seat of this.seats) {
      const { boot } = seat;
      const gaps = await seat.gaps();
      if (gaps !== undefined) told[boot] = gaps;
    }
    return told;
  }
}
