// E07: the master dies or stands still, the Sentinels name its replica, and the hosts follow: what is said afterwards
// arrives, none of it twice.
import { expect, test } from "vitest";
import { clientOn } from "./support/client.js";
import { joined, startHosts } from "./support/hosts.js";
import { startRedisSentinel } from "./support/redis.js";
import { io, run } from "./support/remote.js";
import { isInOrder, startTalk, upTo } from "./support/talk.js";

const FAILED_OVER_MS = 30_000;

test.each(["killed", "stopped"] as const)("a master that is %s", async (how) => {
  const { url, master, failedOver } = await startRedisSentinel();
  const hosts = await startHosts({ redis: url });
  const [speaker, near, far] = [await clientOn(hosts[0], 0), await clientOn(hosts[0], 1), await clientOn(hosts[1], 0)];
  const talk = startTalk(speaker, [near, far]);
  await talk.reaches(far);
  if (how === "killed") await master.kill();
  else master.pause();
  await failedOver();
  await joined(hosts, FAILED_OVER_MS);
  await talk.reaches(far);
  // The old master comes back as a replica, and nothing that waited in it may arrive now.
  if (how === "stopped") {
    master.resume();
    await talk.reaches(far);
  }
  const sent = await talk.stop();
  for (const listener of [near, far]) await talk.heardLast(listener);
  expect(talk.heard(near)).toEqual(upTo(sent));
  expect(isInOrder(talk.heard(far))).toBe(true);
  await joined(hosts, FAILED_OVER_MS);
  expect(await run(speaker, io.fetchSockets())).toHaveLength(3);
});
