// E01–E03, E08, E09, E16: Redis ends connections, restarts, hangs, forgets, is full. The hosts serve on, come back by
// themselves, and what was lost on the way is told.
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../flow/support/eventually.js";
import type { Holdfast } from "../flow/support/holdfast.js";
import { joined } from "../flow/support/hosts.js";
import { io, run } from "../flow/support/remote.js";
import { BACK_MS, startTalkingHosts, type TalkingHosts } from "../flow/support/talking-hosts.js";
import { upTo } from "../flow/support/talk.js";

/** What a loop that is blocked for as long as Redis is would show. */
const LAG_MS = 1_000;

describe("two hosts that talk while", () => {
  let the: TalkingHosts;

  beforeEach(async () => {
    the = await startTalkingHosts();
  });

  afterEach(async () => {
    const { sent, crossed } = await the.conclude();
    if (crossed < sent) await toldOfGap(the.hosts);
  });

  test("Redis ends all connections again and again", async () => {
    for (let i = 0; i < 10; i++) {
      await the.redis.cli("client", "kill", "type", i % 2 === 0 ? "pubsub" : "normal");
      await the.talk.reaches(the.far, BACK_MS);
    }
  });

  test("Redis restarts after ten seconds", async () => {
    await the.redis.stop();
    const status = await the.hosts[0].waitForStatus((seen) => seen.redis.state === "down");
    expect(status.state).toBe("degraded");
    await pause(10_000);
    await the.redis.start();
    await joined(the.hosts, BACK_MS);
  });

  test("Redis hangs for longer than what waits for it is kept", async () => {
    the.redis.pause();
    await pause(6_000);
    expect(Math.max(...(await the.hosts[0].workers()).map(({ lagMs }) => lagMs))).toBeLessThan(LAG_MS);
    await pause(6_000);
    the.redis.resume();
    await joined(the.hosts, BACK_MS);
  });

  test("Redis forgets everything", async () => {
    const from = the.talk.sent;
    for (let i = 0; i < 10; i++) await the.redis.cli("flushall");
    await the.talk.reaches(the.far);
    const heard = the.talk.heard(the.far);
    expect(heard.slice(heard.indexOf(from))).toEqual(upTo((heard.at(-1) as number) + 1).slice(from));
  });

  test("Redis has no memory left", async () => {
    await the.redis.cli("config", "set", "maxmemory", "1mb");
    await the.redis.cli("config", "set", "maxmemory-policy", "noeviction");
    const from = the.talk.sent;
    await the.talk.reaches(the.far);
    await the.talk.reaches(the.far);
    expect(the.talk.heard(the.far)).toContain(from);
  });

  test("a host stands still until Redis has no patience with it", async () => {
    await the.redis.cli("config", "set", "client-output-buffer-limit", "pubsub 1mb 512kb 5");
    the.hosts[1].signal("SIGSTOP");
    const flood = Buffer.alloc(100_000, 7);
    const subscribers = async () =>
      (await the.redis.clients()).filter(({ sub, psub }) => Number(sub) + Number(psub) > 0);
    await eventually(
      async () => {
        await run(the.speaker, io.to("nobody").emit("flood", flood));
        return subscribers();
      },
      ({ length }) => length === 1,
      { withinMs: 30_000 },
    );
    the.hosts[1].signal("SIGCONT");
    await joined(the.hosts, BACK_MS * 2);
    await toldOfGap([the.hosts[1]]);
  });
});

/** One of them at least has said that something did not come. */
async function toldOfGap(hosts: readonly Holdfast[]): Promise<void> {
  await eventually(
    () => hosts.flatMap(({ lines }) => lines).filter(({ event }) => event === "redis-gap"),
    ({ length }) => length > 0,
  );
}
