// E01–E03, E08, E09, E16: Redis ends connections, restarts, hangs, forgets, is full. The hosts serve on, come back by
// themselves, and what was lost on the way is told.
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientOn, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { joined, startHosts } from "./support/hosts.js";
import { type RedisServer, startRedis } from "./support/redis.js";
import { io, run } from "./support/remote.js";
import { isInOrder, startTalk, type Talk, upTo } from "./support/talk.js";

const BACK_MS = 5_000;
/** What a loop that is blocked for as long as Redis is would show. */
const LAG_MS = 1_000;

describe("two hosts that talk while", () => {
  let redis: RedisServer;
  let hosts: [Holdfast, Holdfast];
  let [speaker, near, far]: Socket[] = [];
  let talk: Talk;

  beforeEach(async () => {
    redis = await startRedis();
    hosts = await startHosts({ redis: redis.url });
    [speaker, near, far] = [await clientOn(hosts[0], 0), await clientOn(hosts[0], 1), await clientOn(hosts[1], 1)];
    talk = startTalk(speaker as Socket, [near as Socket, far as Socket]);
    await talk.reaches(far as Socket);
  });

  /** On the host nothing was lost; over its border what came is in order and once, and what did not come is told. */
  afterEach(async () => {
    await talk.reaches(far as Socket, BACK_MS);
    const sent = await talk.stop();
    for (const listener of [near, far] as Socket[]) await talk.heardLast(listener);
    expect(talk.heard(near as Socket)).toEqual(upTo(sent));
    const crossed = talk.heard(far as Socket);
    expect(isInOrder(crossed)).toBe(true);
    if (crossed.length < sent) await toldOfGap(hosts);
    for (const host of hosts) expect((await host.status()).state).toBe("ready");
  });

  test("Redis ends all connections again and again", async () => {
    for (let i = 0; i < 10; i++) {
      await redis.cli("client", "kill", "type", i % 2 === 0 ? "pubsub" : "normal");
      await talk.reaches(far as Socket, BACK_MS);
    }
  });

  test("Redis restarts after ten seconds", async () => {
    await redis.stop();
    const status = await hosts[0].waitForStatus((seen) => seen.redis.state === "down");
    expect(status.state).toBe("degraded");
    await pause(10_000);
    await redis.start();
    await joined(hosts, BACK_MS);
  });

  test("Redis hangs for longer than what waits for it is kept", async () => {
    redis.pause();
    await pause(6_000);
    expect(Math.max(...(await hosts[0].workers()).map(({ lagMs }) => lagMs))).toBeLessThan(LAG_MS);
    await pause(6_000);
    redis.resume();
    await joined(hosts, BACK_MS);
  });

  test("Redis forgets everything", async () => {
    const from = talk.sent;
    for (let i = 0; i < 10; i++) await redis.cli("flushall");
    await talk.reaches(far as Socket);
    const heard = talk.heard(far as Socket);
    expect(heard.slice(heard.indexOf(from))).toEqual(upTo((heard.at(-1) as number) + 1).slice(from));
  });

  test("Redis has no memory left", async () => {
    await redis.cli("config", "set", "maxmemory", "1mb");
    await redis.cli("config", "set", "maxmemory-policy", "noeviction");
    const from = talk.sent;
    await talk.reaches(far as Socket);
    await talk.reaches(far as Socket);
    expect(talk.heard(far as Socket)).toContain(from);
  });

  test("a host stands still until Redis has no patience with it", async () => {
    await redis.cli("config", "set", "client-output-buffer-limit", "pubsub 1mb 512kb 5");
    hosts[1].signal("SIGSTOP");
    const flood = Buffer.alloc(100_000, 7);
    const subscribers = async () => (await redis.clients()).filter(({ sub, psub }) => Number(sub) + Number(psub) > 0);
    await eventually(
      async () => {
        await run(speaker as Socket, io.to("nobody").emit("flood", flood));
        return subscribers();
      },
      ({ length }) => length === 1,
      { withinMs: 30_000 },
    );
    hosts[1].signal("SIGCONT");
    await joined(hosts, BACK_MS * 2);
    await toldOfGap([hosts[1]]);
  });
});

/** One of them at least has said that something did not come. */
async function toldOfGap(hosts: readonly Holdfast[]): Promise<void> {
  await eventually(
    () => hosts.flatMap(({ lines }) => lines).filter(({ event }) => event === "redis-gap"),
    ({ length }) => length > 0,
  );
}
