// E01 and E02 of faults.md at full length; test/slow/hosts-come-back-when-redis-does.test.ts has them short.
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { joined } from "../flow/support/hosts.js";
import { BACK_MS, startTalkingHosts, type TalkingHosts } from "../flow/support/talking-hosts.js";

/** 500 messages a second. */
const EVERY_MS = 2;

describe("two hosts that talk 500 times a second while", () => {
  let the: TalkingHosts;

  beforeEach(async () => {
    the = await startTalkingHosts(EVERY_MS);
  });

  afterEach(async () => {
    const { sent, crossed } = await the.conclude();
    process.stdout.write(`${sent} sent, ${crossed} came across\n`);
  });

  test("Redis ends connections of either kind every second, for a minute", async () => {
    for (let i = 0; i < 60; i++) {
      await the.redis.cli("client", "kill", "type", i % 2 === 0 ? "pubsub" : "normal");
      await pause(1_000);
    }
  });

  test("Redis is away for two minutes", async () => {
    await the.redis.stop();
    for (const host of the.hosts) await host.waitForStatus((seen) => seen.redis.state === "down");
    await pause(120_000);
    await the.redis.start();
    await joined(the.hosts, BACK_MS);
    const { counters } = await the.hosts[0].status();
    expect(Number(counters.redisDroppedOld) + Number(counters.redisDroppedFull)).toBeGreaterThan(0);
  });
});
