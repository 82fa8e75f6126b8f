/**
 * Makes a history: clients that do at random what apps do, on hosts that are given faults at random, at most two at once.
 * All choices come from the seed.
 */
import { eventually } from "../flow/support/eventually.js";
import { type Client, startClient } from "./client.js";
import type { Entry } from "./entry.js";
import { breakThings, type FaultName, ON_ONE_HOST, type Stage } from "./fault.js";
import { joinSomeRooms, operate, operateOnce, type Scene, talkInEveryRoom } from "./operation.js";
import { randomOf } from "./random.js";
import { startWorld, type World } from "./world.js";

export type { FaultName } from "./fault.js";

export interface RunOptions {
  readonly seed: number;
  readonly forMs: number;
  readonly hosts?: number;
  readonly clients?: number;
  /** Of each host. */
  readonly workers?: number;
  /** Of all clients together. */
  readonly operationsPerSecond?: number;
  readonly faults?: readonly FaultName[];
  readonly args?: readonly string[];
}

const QUIET_WITHIN_MS = 30_000;

export async function runHistory(options: RunOptions): Promise<Entry[]> {
  const { seed, forMs, hosts = 1, clients = 40, workers = 3, operationsPerSecond = 300 } = options;
  const { faults = ON_ONE_HOST, args = [] } = options;
  const random = randomOf(seed);
  const world = await startWorld({ hosts, workers, args }, randomOf(seed + 1));
  const history: Entry[] = [];
  const asking: Promise<void>[] = [];
  const onNew = () => void asking.push(noteRefused(history, world));
  const all: Client[] = [];
  for (let i = 0; i < clients; i++) {
    all.push(await startClient(history, world.fronts[i % world.fronts.length] as never, i, onNew));
  }
  const run: Run = { random, history, clients: all, lastId: 0, world, cuts: 0, taken: new Set() };
  joinSomeRooms(run);
  const stopAt = performance.now() + forMs;
  const isOver = () => performance.now() >= stopAt;
  await Promise.all([operate(run, operationsPerSecond, isOver), breakThings(run, faults, isOver)]);
  await settle(run);
  await Promise.all(asking);
  return [...history];
}

async function noteRefused(history: Entry[], world: World): Promise<void> {
  const asked = history.length;
  history.push({ type: "refused", asked, counts: await world.refused() });
}

type Run = Scene & Stage;

/** No more faults: everybody comes back, and hears one last word of everybody. */
async function settle(run: Run): Promise<void> {
  const { clients, history, world } = run;
  for (const proxy of [...world.fronts, ...world.ways]) proxy.heal();
  const away = async () => clients.filter(({ socket }) => !socket.connected).length;
  await eventually(away, (missing) => missing === 0, {
    withinMs: QUIET_WITHIN_MS,
    what: "everybody is connected",
  }).catch(() => {});
  for (const { holdfast } of world.seats) {
    await holdfast.waitForStatus(({ state }) => state === "ready", QUIET_WITHIN_MS).catch(() => {});
  }
  await world.hearEachOther();
  await talkInEveryRoom(run);
  const last = history.length;
  await Promise.all(clients.map((client) => operateOnce(run, client, { kind: "emit", target: {} })));
  await eventually(async () => isHeardByAll(history.slice(last), clients), Boolean, {
    withinMs: QUIET_WITHIN_MS,
    what: "the last words are heard",
  }).catch(() => {});
  history.push({ type: "quiet", gaps: await world.gaps() });
}

function isHeardByAll(history: readonly Entry[], clients: readonly Client[]): boolean {
  const ids = new Set(history.flatMap((entry) => (entry.type === "ok" ? [entry.id] : [])));
  const heard = new Map<string, number>();
  for (const entry of history) {
    if (entry.type !== "receive" || !ids.has(entry.id)) continue;
    heard.set(entry.client, (heard.get(entry.client) ?? 0) + 1);
  }
  return clients.every(({ name }) => (heard.get(name) ?? 0) >= ids.size);
}
