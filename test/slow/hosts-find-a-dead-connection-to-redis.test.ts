// E04–E06: a slow connection to Redis keeps the order; a dead one, which nobody ends, is found within ten seconds, also
// when it is the subscriber's alone.
import { expect, test } from "vitest";
import { clientOn } from "../flow/support/client.js";
import { joined, startHost } from "../flow/support/hosts.js";
import { type FaultProxy, startProxy } from "../flow/support/proxy.js";
import { type RedisServer, startRedis } from "../flow/support/redis.js";
import { isInOrder, startTalk, upTo } from "../flow/support/talk.js";

const FOUND_MS = 10_000;

test("over a slow connection everything arrives in order", async () => {
  const { talk, far, proxy } = await talkThroughProxy();
  proxy.delay(200, "up");
  proxy.delay(100, "down");
  await talk.reaches(far);
  for (let i = 0; i < 5; i++) await talk.reaches(far);
  const sent = await talk.stop();
  await talk.reaches(far).catch(() => {});
  expect(talk.heard(far).slice(0, sent)).toEqual(upTo(sent));
});

test("connections that fall silent are found and replaced", async () => {
  const { talk, far, proxy, hosts } = await talkThroughProxy();
  proxy.blackHole();
  await hosts[1].waitForStatus(({ redis }) => redis.state === "down", FOUND_MS);
  proxy.heal();
  await joined(hosts);
  await talk.reaches(far);
  expect(isInOrder(talk.heard(far))).toBe(true);
  await hosts[1].waitForLog("redis-gap");
});

test.each([
  ["subscriber's", true],
  ["publisher's", false],
])("the %s connection alone falls silent, and is found and replaced", async (_, isSubscriber) => {
  const { talk, near, far, proxy, hosts, redis } = await talkThroughProxy();
  const from = hosts[1].lines.length;
  proxy.blackHoleOne(await portOf(redis, proxy, isSubscriber));
  await hosts[1].waitForLog(({ event }) => event === "redis-down", FOUND_MS + 1_000, from);
  await joined(hosts);
  await talk.reaches(far);
  await talk.reaches(near);
  expect(isInOrder(talk.heard(far))).toBe(true);
});

/** The speaker's host reaches Redis directly, the other through the proxy. */
async function talkThroughProxy() {
  const redis = await startRedis();
  const proxy = await startProxy(redis);
  const throughProxy = `redis://${new URL(proxy.url).host}`;
  const hosts = await Promise.all([redis.url, throughProxy].map((url) => startHost({ redis: url })));
  const [first, second] = hosts as [(typeof hosts)[0], (typeof hosts)[0]];
  await joined(hosts);
  const [speaker, near, far] = [await clientOn(first, 0), await clientOn(first, 1), await clientOn(second, 0)];
  const talk = startTalk(speaker, [near, far]);
  await talk.reaches(far);
  return { redis, proxy, hosts: [first, second] as const, talk, near, far };
}

/** Where Redis sees the proxied connection of that kind come from. */
async function portOf(redis: RedisServer, proxy: FaultProxy, isSubscriber: boolean): Promise<number> {
  const clients = await redis.clients();
  const matching = clients.filter(({ sub, psub, ssub = "0" }) => {
    return Number(sub) + Number(psub) + Number(ssub) > 0 === isSubscriber;
  });
  const ports = matching.map(({ addr = "" }) => Number(addr.split(":").at(-1)));
  const port = ports.find((one) => proxy.hasConnectionFrom(one));
  if (port === undefined) throw new Error(`none of ${ports} is the proxy's`);
  return port;
}
