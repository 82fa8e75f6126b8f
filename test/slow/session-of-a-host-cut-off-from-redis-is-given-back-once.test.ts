// One host alone loses Redis. Its clients go elsewhere, where it is taken for dead; it lives, and has their sessions still.
import { expect, test } from "vitest";
import { clientOn, collect } from "../flow/support/client.js";
import { crossing, onlyAlive } from "../flow/support/host-death.js";
import { joined, startHost } from "../flow/support/hosts.js";
import { startProxy } from "../flow/support/proxy.js";
import { dropAndReturn, firstOf, returningClientOn, whileAway } from "../flow/support/recovery.js";
import { startRedis } from "../flow/support/redis.js";
import { io, run, runAll } from "../flow/support/remote.js";
import { startSwitchboard } from "../flow/support/switchboard.js";

const DEAD_WITHIN_MS = 15_000;
const BACK_WITHIN_MS = 20_000;

async function startWithOneWay(app: string, args: readonly string[] = []) {
  const redis = await startRedis();
  const way = await startProxy(redis);
  const urls = [way.url.replace("http:", "redis:"), redis.url];
  const [here, there] = await Promise.all(
    urls.map((url) => startHost({ redis: url, app, args: ["--recovery", "on", ...args] })),
  );
  if (!here || !there) throw new Error("two hosts were to be started");
  await joined([here, there]);
  await crossing([here, there]);
  return { redis, way, here, there };
}

test("what another host has given back is new on it while it is cut off, and comes back to it once it is not", {
  timeout: 90_000,
}, async () => {
  const { redis, way, here, there } = await startWithOneWay("recovery.mjs");
  const board = await startSwitchboard(here);
  const early = await returningClientOn(board, 0);
  const late = await returningClientOn(board, 1);
  const both = [early, late];
  const heard = both.map((client) => collect(client, "said"));
  const far = await clientOn(there, 1);
  await Promise.all(both.map((client) => client.emitWithAck("join", ["r"])));
  const tell = async (number: number, clients = heard) => {
    far.emit("say", "r", number);
    await Promise.all(clients.map((said) => said.untilCount(number + 1)));
  };
  await tell(0);

  way.blackHole("both");
  await here.waitForStatus(({ recovery }) => recovery.mode === "host", DEAD_WITHIN_MS);
  await onlyAlive(1, redis);
  board.sendTo(there);
  expect(await Promise.all(both.map(dropAndReturn))).toEqual([true, true]);
  await tell(1);

  board.sendTo(here);
  expect(await dropAndReturn(early)).toBe(false);
  await tell(2, heard.slice(1));

  way.resetAll();
  way.heal();
  await here.waitForStatus(({ recovery }) => recovery.mode === "redis", BACK_WITHIN_MS);
  expect(await dropAndReturn(late)).toBe(true);
  await tell(3, heard.slice(1));
  expect(heard.map(({ items }) => firstOf(items))).toEqual([
    [0, 1],
    [0, 1, 2, 3],
  ]);
  expect((await here.status()).counters).toMatchObject({ recoveryTaken: 2, "recoveryRefused-unreachable": 1 });
});

/** A join for a room is a message of another kind than an event is, and each kind is counted by itself. */
test("what it did not hear is told once, and not again with the next message of each kind", {
  timeout: 90_000,
}, async () => {
  const { way, here, there } = await startWithOneWay("remote.mjs");
  const [far, near] = [await clientOn(there, 0), await clientOn(here, 1)];
  const client = await returningClientOn(here, 0);
  const [heard, heardNear] = [collect(client, "news"), collect(near, "news")];
  const makeNobodyJoin = () => run(far, io.in("nobody").socketsJoin("anything"));
  await makeNobodyJoin();
  await run(far, io.emit("news", 1));
  await heard.untilCount(1);

  way.blackHole("both");
  await here.waitForStatus(({ recovery }) => recovery.mode === "host", DEAD_WITHIN_MS);
  await makeNobodyJoin();
  way.resetAll();
  way.heal();
  await here.waitForStatus(({ recovery }) => recovery.mode === "redis", BACK_WITHIN_MS);
  await run(far, io.emit("news", 2));
  await heard.untilCount(2);

  const isRecovered = await whileAway(client, async () => {
    await makeNobodyJoin();
    await run(far, io.emit("news", 3));
    await heardNear.untilCount(3);
  });
  expect(isRecovered).toBe(true);
  await heard.untilCount(3);
  expect(firstOf(heard.items)).toEqual([1, 2, 3]);
  expect((await here.status()).counters.uplinkMessagesMissed).toBe(1);
});

test("it has sessions to give again also when it has missed more than it may keep", { timeout: 90_000 }, async () => {
  const { way, here, there } = await startWithOneWay("remote.mjs", ["--recovery-buffer", "1mb"]);
  const far = await clientOn(there, 0);
  const speak = () => runAll(far, ...Array.from({ length: 1_000 }, (_, i) => io.emit("news", i)));
  await run(far, io.emit("news", "first"));
  way.blackHole("both");
  await here.waitForStatus(({ recovery }) => recovery.mode === "host", DEAD_WITHIN_MS);
  for (let i = 0; i < 10; i++) await speak();
  way.resetAll();
  way.heal();
  await here.waitForStatus(({ recovery }) => recovery.mode === "redis", BACK_WITHIN_MS);
});
