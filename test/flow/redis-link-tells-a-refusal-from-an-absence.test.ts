import { expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { freePort } from "./support/free-port.js";
import { startRedis } from "./support/redis.js";
import { NotedLink, startLink } from "./support/redis-link.js";

const USER = "user app on >secret &test* ~* +@all";

function login(url: string, user: string): string {
  return url.replace("://", `://${user}@`);
}

test.each([
  ["a wrong password", "app:wrong", /WRONGPASS/],
  ["no password", "", /NOAUTH/],
  ["a user that does not exist", "nobody:secret", /WRONGPASS/],
  ["a user without the permission to subscribe", "deaf:secret", /NOPERM/],
  ["a user without the permission to publish", "mute:secret", /NOPERM/],
])("%s ends the start, with Redis' words and without the password", async (_, user, words) => {
  const redis = await startRedis({
    acl: ["user default off", USER, "user deaf on >secret ~* +@all", "user mute on >secret &test* ~* +@all -publish"],
  });
  const { link } = new NotedLink(user ? login(redis.url, user) : redis.url);
  const refusal = await link.start().catch((error) => error);
  expect(refusal).toMatchObject({ name: "RedisRefusedError", code: "HOLDFAST_REDIS_REFUSED", exitCode: 78 });
  expect(refusal.message).toMatch(words);
  expect(refusal.message).toContain(`127.0.0.1:${redis.port}`);
  expect(refusal.message).not.toMatch(/secret|wrong/);
});

test("a user is let in, and may be no more than one of the prefix's channels", async () => {
  const redis = await startRedis({
    acl: [
      "user default off",
      "user app on >secret resetchannels &test* +publish +subscribe +psubscribe +unsubscribe +punsubscribe +pubsub|numsub",
    ],
  });
  const { link, heard } = await startLink(login(redis.url, "app:secret"));
  await link.subscribe(["test#a"]);
  link.publish("test#a", "hello");
  expect(await link.countSubscribers(["test#a"])).toEqual([1]);
  expect(heard).toBeDefined();
});

test("a user that is shut out later degrades the link, is logged seldom, and heals", async () => {
  const redis = await startRedis({ acl: ["user default off", USER] });
  const noted = await startLink(login(redis.url, "app:secret"));
  await noted.link.subscribe(["test#a"]);
  await redis.cli("acl", "setuser", "app", "off");
  await redis.cli("client", "kill", "type", "pubsub");
  await redis.cli("client", "kill", "user", "app").catch(() => {});
  await eventually(
    () => noted.link.counters.redisConnectionFailures ?? 0,
    (lost) => lost > 6,
    { withinMs: 10_000 },
  );
  expect(noted.link.state).toBe("down");
  expect(noted.lines.filter(({ event }) => event === "redis-down")).toHaveLength(1);
  await redis.cli("acl", "setuser", "app", "on");
  await noted.ready(5_000);
  noted.link.publish("test#a", "healed");
  await noted.heard("healed");
});

test("a Redis that is not there: the start goes on, and the link is up when it comes", async () => {
  const redis = await startRedis();
  await redis.stop();
  const noted = new NotedLink(redis.url);
  await noted.link.start();
  expect(noted.link.state).toBe("down");
  expect(noted.downs.map(({ reason }) => reason)).toEqual([`connect ECONNREFUSED 127.0.0.1:${redis.port}`]);
  const subscribed = noted.link.subscribe(["test#a"]);
  noted.link.publish("test#a", "early");
  await redis.start();
  await subscribed;
  await noted.heard("early");
  expect(noted.ups.map(({ missed }) => missed)).toEqual([false]);
});

test("a name that does not resolve is an absence, too", async () => {
  const noted = new NotedLink("redis://redis.invalid:6379");
  await noted.link.start();
  expect(noted.downs[0]?.reason).toMatch(/ENOTFOUND|EAI_AGAIN/);
  await eventually(
    () => noted.link.counters.redisConnectionFailures ?? 0,
    (lost) => lost > 4,
    { withinMs: 10_000 },
  );
});

test("a Redis that is required and not there ends the start", async () => {
  const port = await freePort();
  const { link } = new NotedLink(`redis://:secret@127.0.0.1:${port}`, { required: true });
  const error = await link.start().catch((each) => each);
  expect(error).toMatchObject({ name: "RedisAwayError", code: "HOLDFAST_REDIS_AWAY", exitCode: 78 });
  expect(error.message).toMatch(/ECONNREFUSED.*--redis-required/);
  expect(error.message).not.toContain("secret");
});

test("a Redis that is required and starting is waited for", async () => {
  const redis = await startRedis();
  await redis.stop();
  const { link } = new NotedLink(redis.url, { required: true });
  const started = link.start();
  await redis.start();
  await started;
  expect(link.state).toBe("ready");
});

test("a hanging Redis is an absence, and is used when it goes on", async () => {
  const redis = await startRedis();
  redis.pause();
  const noted = new NotedLink(redis.url);
  await noted.link.start();
  expect(noted.downs[0]?.reason).toMatch(/did not answer within 2000 ms/);
  redis.resume();
  await noted.ready(5_000);
});

test("a database that does not exist, and a Cluster's node given alone for sharded, are refusals", async () => {
  const redis = await startRedis();
  await expect(new NotedLink(`${redis.url}/99`).link.start()).rejects.toThrow(/DB index is out of range/);
  await expect(new NotedLink([redis.url, redis.url]).link.start()).rejects.toThrow(
    /cluster support disabled.*is not in one/,
  );
  const node = await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-port", String(await freePort())] });
  await expect(new NotedLink(node.url, { mode: "sharded" }).link.start()).rejects.toThrow(
    /is in a Cluster: repeat --redis/,
  );
});

test("a handler that throws costs its message, and nothing else", async () => {
  const redis = await startRedis();
  const noted = await startLink(redis.url);
  await noted.link.subscribe(["test#a"]);
  Object.defineProperty(noted.messages, "push", {
    configurable: true,
    value: () => {
      throw new Error("from the handler");
    },
  });
  noted.link.publish("test#a", "one");
  await eventually(
    () => noted.link.counters.redisFailedHandlers,
    (failed) => failed === 1,
  );
  Reflect.deleteProperty(noted.messages, "push");
  noted.link.publish("test#a", "two");
  await noted.heard("two");
  expect(noted.lines.some(({ event }) => event === "redis-handler-failed")).toBe(true);
});

test.each(["classic", "sharded"] as const)("a Cluster that is not formed yet is an absence, %s", async (mode) => {
  const node = await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-port", String(await freePort())] });
  const noted = new NotedLink([node.url, node.url], { mode });
  await noted.link.start();
  expect(noted.downs[0]?.reason).toBe("the Cluster has no masters with slots");
  await node.cli("cluster", "addslotsrange", "0", "16383");
  await noted.ready();
});
