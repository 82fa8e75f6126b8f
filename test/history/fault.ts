/** The nemeses: what goes wrong in a history, each for a while, at most two at once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultProxy } from "../flow/support/proxy.js";
import type { RedisServer } from "../flow/support/redis.js";
import type { Entry } from "./entry.js";
import type { Random } from "./random.js";
import type { Seat } from "./seat.js";
import { send } from "./signal.js";
import type { World } from "./world.js";

export interface Stage {
  readonly random: Random;
  readonly history: Entry[];
  readonly world: World;
  /** Faults under way that keep hosts from hearing each other. */
  cuts: number;
  /** Fronts that a fault has to itself. */
  readonly taken: Set<FaultProxy>;
}

export type FaultName = keyof typeof FAULTS;

const MAX_AT_ONCE = 2;
const OF_REDIS: ReadonlySet<FaultName> = new Set(["restartRedis", "stopRedis"]);
const PAUSE_MS = { from: 200, to: 1_500 };
/** Until a host that is busy has read that its connection is gone. */
const TO_NOTICE_MS = 1_000;
/** What a client has been told of is on its way to Redis by then, also through a primary that stands still for a while. */
const ON_ITS_WAY_MS = 2_000;

/** Until it is over; every fault has ended then. */
export async function breakThings(stage: Stage, names: readonly FaultName[], isOver: () => boolean): Promise<void> {
  const under = new Map<Promise<void>, FaultName>();
  const failures: unknown[] = [];
  while (!isOver()) {
    await sleep(stage.random.between(PAUSE_MS.from, PAUSE_MS.to));
    if (names.length === 0 || isOver()) continue;
    const name = stage.random.one(names);
    while (under.size >= MAX_AT_ONCE || clashes(name, under.values())) await Promise.race(under.keys());
    if (isOver()) break;
    const fault = begin(stage, name)
      .catch((error) => failures.push(error))
      .then(() => void under.delete(fault));
    under.set(fault, name);
  }
  await Promise.all(under.keys());
  if (failures.length > 0) throw failures[0];
}

/** There is one Redis to be stopped, or killed and started. */
function clashes(name: FaultName, under: Iterable<FaultName>): boolean {
  return OF_REDIS.has(name) && [...under].some((other) => OF_REDIS.has(other));
}

async function begin(stage: Stage, name: FaultName): Promise<void> {
  if (name.endsWith("Redis")) await beginCut(stage);
  await FAULTS[name](stage, () => stage.history.push({ type: "fault", name }));
  if (name.endsWith("Redis")) await endCut(stage);
}

async function beginCut(stage: Stage): Promise<void> {
  const gaps = await stage.world.gaps();
  if (stage.cuts++ === 0) stage.history.push({ type: "cut", gaps });
  await sleep(ON_ITS_WAY_MS);
}

/** The hosts say themselves when they hear each other again. */
async function endCut(stage: Stage): Promise<void> {
  await sleep(TO_NOTICE_MS);
  await stage.world.hearEachOther();
  if (--stage.cuts === 0) stage.history.push({ type: "mended" });
}

/** Each notes that it has begun when it has: what was not done is not counted. */
const FAULTS = {
  async killWorker(stage: Stage, note: () => void) {
    const victim = await someWorker(stage);
    if (victim === undefined) return;
    note();
    send(victim, "SIGKILL");
  },
  async stopWorker(stage: Stage, note: () => void) {
    const victim = await someWorker(stage);
    if (victim === undefined) return;
    note();
    send(victim, "SIGSTOP");
    await sleep(stage.random.between(200, 3_500));
    send(victim, "SIGCONT");
  },
  async stopPrimary({ random, world }: Stage, note: () => void) {
    note();
    const { pid } = random.one(world.seats).holdfast;
    send(pid, "SIGSTOP");
    await sleep(random.between(100, 1_500));
    send(pid, "SIGCONT");
  },
  async killPrimary(stage: Stage, note: () => void) {
    await ending(stage, note)?.killPrimary();
  },
  async killHost(stage: Stage, note: () => void) {
    await ending(stage, note)?.killAll(stage.random.between(500, 4_000));
  },
  async reload({ random, world }: Stage, note: () => void) {
    note();
    send(random.one(world.seats).holdfast.pid, "SIGHUP");
    await sleep(2_000);
  },
  async scale({ random, world }: Stage, note: () => void) {
    note();
    const { pid } = random.one(world.seats).holdfast;
    send(pid, "SIGTTOU");
    await sleep(random.between(500, 3_000));
    send(pid, "SIGTTIN");
    await sleep(1_000);
  },
  async drop(stage: Stage, note: () => void) {
    note();
    front(stage).resetAll();
  },
  async close(stage: Stage, note: () => void) {
    note();
    front(stage).closeAll();
  },
  /** Half-open: both sides find out by themselves, or the client comes back while the server still waits. */
  async swallow(stage: Stage, note: () => void) {
    note();
    await withFrontAlone(stage, async (proxy) => {
      proxy.blackHole("both");
      await sleep(stage.random.between(300, 6_000));
      proxy.resetAll();
      proxy.heal();
    });
  },
  async slice(stage: Stage, note: () => void) {
    note();
    await withFrontAlone(stage, async (proxy) => {
      proxy.slice(stage.random.between(1, 50), { seed: stage.random.below(1_000) });
      await sleep(1_000);
      proxy.heal();
    });
  },
  /** One host loses Redis, at once or so that it has to find out, and cannot come back for a while. */
  async cutRedis({ random, world }: Stage, note: () => void) {
    note();
    const way = random.one(world.ways);
    if (random.chance(0.5)) way.blackHole(random.one(["up", "down", "both"] as const));
    else way.cutAfter(0, "both");
    if (random.chance(0.5)) way.resetAll();
    await sleep(random.between(300, 5_000));
    way.resetAll();
    way.heal();
  },
  async restartRedis({ random, world }: Stage, note: () => void) {
    note();
    await world.redis?.kill();
    await sleep(random.between(100, 3_000));
    await startAgain(world.redis as RedisServer);
  },
  async stopRedis({ random, world }: Stage, note: () => void) {
    note();
    world.redis?.pause();
    await sleep(random.between(200, 3_000));
    world.redis?.resume();
  },
};

/** Its port may be somebody else's end of a connection for a moment. */
async function startAgain(redis: RedisServer): Promise<void> {
  for (let tries = 10; ; tries--) {
    const failure = await redis.start().catch((error) => error);
    if (failure === undefined) return;
    if (tries === 0) throw failure;
    await sleep(500);
  }
}

/** Of any host where it is not the only one that serves; undefined when there is none for a while. */
async function someWorker({ random, world }: Stage): Promise<number | undefined> {
  for (let tries = 0; tries < 10; tries++) {
    const victim = await random.one(world.seats).someWorker(random.one);
    if (victim !== undefined) return victim;
    await sleep(300);
  }
  return undefined;
}

/** Whoever serves there is gone from here on. Undefined: they all are already. */
function ending({ random, history, world }: Stage, note: () => void): Seat | undefined {
  const up = world.seats.filter(({ isDown }) => !isDown);
  if (up.length === 0) return undefined;
  const seat = random.one(up);
  note();
  history.push({ type: "ended", host: seat.boot });
  return seat;
}

/**
 * One that no other fault has. Were it healed by another while it swallows, connections would go on with a hole in what they
 * carry, which no TCP connection has.
 */
async function withFrontAlone(stage: Stage, act: (proxy: FaultProxy) => Promise<void>): Promise<void> {
  const { random, world, taken } = stage;
  const proxy = random.one(world.fronts.filter((front) => !taken.has(front)));
  taken.add(proxy);
  await act(proxy).finally(() => taken.delete(proxy));
}

function front({ random, world }: Stage): FaultProxy {
  return random.one(world.fronts);
}

/** What a worker of one host can have, in the frequency in which it has it. */
export const ON_ONE_HOST: readonly FaultName[] = [
  ...Array<FaultName>(10).fill("killWorker"),
  ...(["stopWorker", "stopPrimary", "reload", "scale", "drop", "close", "swallow", "slice"] as const),
];

export const WITH_KILLED_PRIMARY: readonly FaultName[] = [...ON_ONE_HOST, "killPrimary"];

export const ON_TWO_HOSTS: readonly FaultName[] = [
  ...WITH_KILLED_PRIMARY,
  ...(["killHost", "cutRedis", "cutRedis", "restartRedis", "restartRedis", "stopRedis"] as const),
];
