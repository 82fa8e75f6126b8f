import { expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { startRedis } from "./support/redis.js";
import { startLink } from "./support/redis-link.js";

test.each(["classic", "sharded"] as const)("messages reach subscribers, %s", async (mode) => {
  const redis = await startRedis();
  const [ada, bob] = [await startLink(redis.url, { mode }), await startLink(redis.url, { mode })];
  await bob.link.subscribe(["test#a", "test#b"]);
  for (let n = 0; n < 100; n++) ada.link.publish("test#a", Buffer.from(`m${n}`));
  ada.link.publish("test#b", "text");
  await bob.heard("text");
  expect(bob.texts).toEqual([...Array.from({ length: 100 }, (_, n) => `m${n}`), "text"]);
  expect(await ada.link.countSubscribers(["test#a", "test#none"])).toEqual([1, 0]);
  bob.link.unsubscribe(["test#a"]);
  await eventually(
    () => ada.link.countSubscribers(["test#a"]),
    ([count]) => count === 0,
  );
  ada.link.publish("test#a", "too late");
  ada.link.publish("test#b", "after");
  await bob.heard("after");
  expect(bob.texts).not.toContain("too late");
  expect((await redis.clients()).length).toBe(4);
});

test.each(["classic", "sharded"] as const)("the last word on a channel is the one that holds, %s", async (mode) => {
  const redis = await startRedis();
  const noted = await startLink(redis.url, { mode });
  const waits: Promise<void>[] = [];
  for (let round = 0; round < 50; round++) {
    waits.push(noted.link.subscribe(["test#on", "test#off"]));
    noted.link.unsubscribe(["test#on", "test#off"]);
  }
  const subscribed = noted.link.subscribe(["test#on"]);
  await Promise.all(waits);
  await subscribed;
  expect(await noted.link.countSubscribers(["test#on", "test#off"])).toEqual([1, 0]);
  noted.link.publish("test#off", "off");
  noted.link.publish("test#on", "on");
  await noted.heard("on");
  expect(noted.texts).toEqual(["on"]);
});

test("a host that joins while it reconnects has what it wanted last", async () => {
  const redis = await startRedis();
  const noted = await startLink(redis.url);
  await redis.cli("client", "kill", "type", "pubsub");
  await noted.down();
  const wanted = noted.link.subscribe(["test#on", "test#off"]);
  noted.link.unsubscribe(["test#off"]);
  await wanted;
  await noted.ready();
  expect(await noted.link.countSubscribers(["test#on", "test#off"])).toEqual([1, 0]);
});

test("ten thousand channels come back with the connection", async () => {
  const redis = await startRedis();
  const noted = await startLink(redis.url);
  const channels = Array.from({ length: 10_000 }, (_, n) => `test#${n}`);
  await noted.link.subscribe(channels);
  await redis.cli("client", "kill", "type", "pubsub");
  await noted.down();
  await noted.ready();
  expect(await redis.cli("eval", "return #redis.call('pubsub', 'channels', 'test#*')", "0")).toBe("10000");
});

test("messages of any bytes and of many sizes arrive as they were", async () => {
  const redis = await startRedis();
  const noted = await startLink(redis.url);
  await noted.link.subscribe(["test#bytes"]);
  const sizes = [0, 1, 65_535, 1_000_000, 15_000_000];
  const messages = sizes.map((size) => Buffer.alloc(size, Buffer.from([0xc1, 0, 13, 10, 255])));
  for (const message of messages) noted.link.publish("test#bytes", message);
  await eventually(
    () => noted.messages.length,
    (count) => count === sizes.length,
    { withinMs: 20_000 },
  );
  for (const [index, message] of messages.entries()) expect(noted.messages[index]?.bytes.equals(message)).toBe(true);
  expect(noted.link.publish("test#bytes", Buffer.alloc(17_000_000))).toBe(false);
  expect(noted.link.counters.redisDroppedLarge).toBe(1);
});

test("what was published before close has left when it has closed", async () => {
  const redis = await startRedis();
  const [ada, bob] = [await startLink(redis.url), await startLink(redis.url)];
  await bob.link.subscribe(["test#a"]);
  for (let n = 0; n < 1_000; n++) ada.link.publish("test#a", `m${n}`);
  await ada.link.close();
  expect(ada.link.publish("test#a", "too late")).toBe(false);
  await bob.heard("m999");
  expect(bob.texts).toHaveLength(1_000);
  expect((await redis.clients()).length).toBe(2);
});
