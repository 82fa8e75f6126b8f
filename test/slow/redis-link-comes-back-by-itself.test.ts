import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { eventually } from "../flow/support/eventually.js";
import { startProxy } from "../flow/support/proxy.js";
import { type RedisServer, startRedis } from "../flow/support/redis.js";
import { type NotedLink, startLink } from "../flow/support/redis-link.js";

const BACK_WITHIN_MS = 5_000;
/** What a busy machine may add to a limit of the product. */
const SLACK_MS = 2_000;

async function twoLinks(redis: RedisServer, options = {}): Promise<[NotedLink, NotedLink]> {
  const links = [await startLink(redis.url, options), await startLink(redis.url, options)] as [NotedLink, NotedLink];
  await Promise.all(links.map(({ link }) => link.subscribe(["test#a"])));
  await Promise.all(links.map(({ link }) => link.subscribePattern("test#*")));
  return links;
}

/** Both ways, by the exact channel and by the pattern. */
async function expectToBeWell(ada: NotedLink, bob: NotedLink): Promise<void> {
  for (const [from, to] of [
    [ada, bob],
    [bob, ada],
  ] as const) {
    const text = `well ${Math.random()}`;
    from.link.publish("test#a", text);
    await eventually(
      () => to.texts.filter((each) => each === text).length,
      (count) => count === 2,
      { what: "a message heard once by the channel and once by the pattern" },
    );
  }
}

function expectNoneTwice(noted: NotedLink): void {
  const exact = noted.messages.map(({ text }) => text);
  for (const text of new Set(exact)) expect(exact.filter((each) => each === text).length).toBeLessThanOrEqual(2);
}

test("a Redis that was restarted is found again, and so are the subscriptions", async () => {
  const redis = await startRedis();
  const [ada, bob] = await twoLinks(redis);
  await redis.stop();
  await Promise.all([ada.down(), bob.down()]);
  for (let n = 0; n < 50; n++) ada.link.publish("test#a", `away ${n}`);
  await redis.start();
  const backAtMs = performance.now();
  await Promise.all([ada.ready(), bob.ready()]);
  expect(performance.now() - backAtMs).toBeLessThan(BACK_WITHIN_MS);
  expect(bob.ups.map(({ missed }) => missed)).toEqual([false, true]);
  // Bob was away as well, and is there in time for what has waited.
  await bob.heard("away 49");
  const exact = bob.texts.filter((_, index) => index % 2 === 0);
  expect(exact).toEqual(Array.from({ length: 50 }, (_, n) => `away ${n}`));
  await expectToBeWell(ada, bob);
  expectNoneTwice(bob);
});

test("what was published while Redis was away comes after, in order, to those who are back", async () => {
  const redis = await startRedis();
  const proxy = await startProxy(redis);
  const ada = await startLink(proxy.url.replace("http", "redis"));
  const bob = await startLink(redis.url);
  await bob.link.subscribe(["test#a"]);
  proxy.refuse();
  proxy.resetAll();
  await ada.down();
  for (let n = 0; n < 50; n++) expect(ada.link.publish("test#a", `m${n}`)).toBe(true);
  await proxy.accept();
  await bob.heard("m49");
  expect(bob.texts).toEqual(Array.from({ length: 50 }, (_, n) => `m${n}`));
  expect(ada.link.counters.redisBacklogBytes).toBe(0);
});

test("what waits is bounded in bytes and in age, the oldest is dropped and counted", async () => {
  const redis = await startRedis();
  const bob = await startLink(redis.url, { backlogBytes: 10_000, backlogMs: 1_000 });
  await redis.stop();
  await bob.down();
  for (let n = 0; n < 20; n++) expect(bob.link.publish("test#a", "x".repeat(1_000))).toBe(true);
  expect(bob.link.publish("test#a", "x".repeat(10_000))).toBe(false);
  expect(bob.link.counters.redisDroppedFull).toBe(12);
  expect(bob.link.counters.redisBacklogBytes).toBeLessThanOrEqual(10_000);
  const { redisDroppedOld } = await eventually(
    () => bob.link.counters,
    ({ redisBacklogBytes }) => redisBacklogBytes === 0,
    { withinMs: 4_000 },
  );
  expect(redisDroppedOld).toBe(9);
});

test("what is on its way to a Redis that hangs, and what waits behind it, are bounded", async () => {
  const redis = await startRedis();
  const noted = await startLink(redis.url, { backlogBytes: 2_000_000 });
  redis.pause();
  for (let n = 0; n < 3_000; n++) noted.link.publish("test#a", Buffer.alloc(10_000));
  const { redisBacklogBytes, redisDroppedFull } = noted.link.counters;
  expect(redisBacklogBytes).toBeLessThanOrEqual(2_000_000);
  // 30 MB, less 8 MB on their way and 2 MB that wait.
  expect(redisDroppedFull).toBeGreaterThan(1_900);
  redis.resume();
  await eventually(
    () => noted.link.counters,
    ({ redisPublished, redisDroppedFull = 0 }) => Number(redisPublished) + redisDroppedFull >= 3_000,
    { withinMs: 10_000 },
  );
  expect(noted.link.counters.redisBacklogBytes).toBe(0);
});

test("a host that has itself stood still does not take Redis for dead", async () => {
  const redis = await startRedis();
  const noted = await startLink(redis.url);
  await noted.link.subscribe(["test#a"]);
  for (let round = 0; round < 3; round++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
    await pause(100);
  }
  noted.link.publish("test#a", "still here");
  await noted.heard("still here");
  expect(noted.downs).toEqual([]);
});

test("a slow way keeps the order", async () => {
  const redis = await startRedis();
  const proxy = await startProxy(redis);
  const slow = await startLink(proxy.url.replace("http", "redis"));
  await slow.link.subscribe(["test#a"]);
  proxy.delay(200);
  for (let n = 0; n < 300; n++) {
    slow.link.publish("test#a", `m${n}`);
    if (n % 10 === 0) await pause(5);
  }
  await slow.heard("m299", 10_000);
  expect(slow.texts).toEqual(Array.from({ length: 300 }, (_, n) => `m${n}`));
  expect(slow.downs).toEqual([]);
});

test("a Redis that hangs is noticed, and used again when it goes on, nothing twice", async () => {
  const redis = await startRedis();
  const [ada, bob] = await twoLinks(redis);
  redis.pause();
  let sent = 0;
  const send = setInterval(() => ada.link.publish("test#a", `m${sent++}`), 10);
  await Promise.all([ada.down(), bob.down()]);
  await pause(3_000);
  redis.resume();
  const backAtMs = performance.now();
  await Promise.all([ada.ready(), bob.ready()]);
  expect(performance.now() - backAtMs).toBeLessThan(BACK_WITHIN_MS);
  clearInterval(send);
  await expectToBeWell(ada, bob);
  expectNoneTwice(bob);
});

describe("a connection that has gone silent", () => {
  // Which of the two is which depends on who was accepted first: both are tried.
  test.each([[0], [1], [0, 1]])("%j of the pair is found and replaced, without a word of Redis", async (...indices) => {
    const redis = await startRedis();
    const proxy = await startProxy(redis);
    const ada = await startLink(proxy.url.replace("http", "redis"));
    const bob = await startLink(redis.url);
    await ada.link.subscribe(["test#a"]);
    await bob.link.subscribe(["test#a"]);
    const atMs = performance.now();
    for (const index of indices) proxy.blackHoleNth(index);
    await ada.down();
    await ada.ready();
    expect(performance.now() - atMs).toBeLessThan(BACK_WITHIN_MS + SLACK_MS);
    bob.link.publish("test#a", "to ada");
    await ada.heard("to ada");
    ada.link.publish("test#a", "to bob");
    await bob.heard("to bob");
    expect(proxy.connections).toBeGreaterThanOrEqual(2);
  });
});

test("connections killed every second come back within one, and gaps are told", async () => {
  const redis = await startRedis();
  const [ada, bob] = await twoLinks(redis);
  let sent = 0;
  const send = setInterval(() => ada.link.publish("test#a", `m${sent++}`), 5);
  for (let round = 0; round < 4; round++) {
    const before = bob.ups.length;
    await redis.cli("client", "kill", "type", "pubsub");
    await redis.cli("client", "kill", "type", "normal", "skipme", "yes");
    const killedAtMs = performance.now();
    await eventually(
      () => bob.ups.length,
      (ups) => ups > before,
    );
    expect(performance.now() - killedAtMs).toBeLessThan(1_000 + SLACK_MS);
    expect(bob.ups.at(-1)?.missed).toBe(true);
    await pause(1_000);
  }
  clearInterval(send);
  await expectToBeWell(ada, bob);
  expectNoneTwice(bob);
  const numbers = bob.messages.filter(({ text }) => text.startsWith("m")).map(({ text }) => Number(text.slice(1)));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(bob.lines.filter(({ event }) => event === "redis-down").length).toBeLessThanOrEqual(1);
});

test("a subscriber that Redis has cut off, because it did not read, is told of the gap", async () => {
  const redis = await startRedis({ args: ["--client-output-buffer-limit", "pubsub 1mb 512kb 2"] });
  const proxy = await startProxy(redis);
  const ada = await startLink(redis.url);
  const bob = await startLink(proxy.url.replace("http", "redis"));
  await bob.link.subscribe(["test#a"]);
  proxy.delay(500, "down");
  const flood = setInterval(() => ada.link.publish("test#a", Buffer.alloc(200_000)), 10);
  await eventually(
    () => redis.log,
    (log) => log.includes("output buffer limits"),
    { withinMs: 20_000 },
  );
  clearInterval(flood);
  proxy.heal();
  await eventually(
    () => bob.ups.length,
    (ups) => ups === 2,
    { withinMs: 10_000 },
  );
  expect(bob.ups.at(-1)?.missed).toBe(true);
  ada.link.publish("test#a", "after");
  await bob.heard("after");
});
