// E01 and E02 of faults.md at full length; test/flow/hosts-come-back-when-redis-does.test.ts has them short.
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientOn, type Socket } from "../flow/support/client.js";
import type { Holdfast } from "../flow/support/holdfast.js";
import { joined, startHosts } from "../flow/support/hosts.js";
import { type RedisServer, startRedis } from "../flow/support/redis.js";
import { isInOrder, startTalk, type Talk, upTo } from "../flow/support/talk.js";

/** 500 messages a second. */
const EVERY_MS = 2;
const BACK_MS = 5_000;

describe("two hosts that talk 500 times a second while", () => {
  let redis: RedisServer;
  let hosts: [Holdfast, Holdfast];
  let [speaker, near, far]: Socket[] = [];
  let talk: Talk;

  beforeEach(async () => {
    redis = await startRedis();
    hosts = await startHosts({ redis: redis.url });
    [speaker, near, far] = [await clientOn(hosts[0], 0), await clientOn(hosts[0], 1), await clientOn(hosts[1], 1)];
    talk = startTalk(speaker as Socket, [near as Socket, far as Socket], EVERY_MS);
    await talk.reaches(far as Socket);
  });

  afterEach(async () => {
    await talk.reaches(far as Socket, BACK_MS);
    const sent = await talk.stop();
    for (const listener of [near, far] as Socket[]) await talk.heardLast(listener);
    expect(talk.heard(near as Socket)).toEqual(upTo(sent));
    const crossed = talk.heard(far as Socket);
    expect(isInOrder(crossed)).toBe(true);
    for (const host of hosts) expect((await host.status()).state).toBe("ready");
    process.stdout.write(`${sent} sent, ${crossed.length} came across\n`);
  });

  test("Redis ends connections of either kind every second, for a minute", async () => {
    for (let i = 0; i < 60; i++) {
      await redis.cli("client", "kill", "type", i % 2 === 0 ? "pubsub" : "normal");
      await pause(1_000);
    }
  });

  test("Redis is away for two minutes", async () => {
    await redis.stop();
    for (const host of hosts) await host.waitForStatus((seen) => seen.redis.state === "down");
    await pause(120_000);
    await redis.start();
    await joined(hosts, BACK_MS);
    const { counters } = await hosts[0].status();
    expect(Number(counters.redisDroppedOld) + Number(counters.redisDroppedFull)).toBeGreaterThan(0);
  });
});
