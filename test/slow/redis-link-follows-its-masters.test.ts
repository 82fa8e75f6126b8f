import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { slotOf } from "../../src/primary/uplink/redis/slot.js";
import { eventually } from "../flow/support/eventually.js";
import { type RedisServer, startRedisCluster, startRedisSentinel } from "../flow/support/redis.js";
import { type NotedLink, startLink } from "../flow/support/redis-link.js";

const FAILOVER_MS = 20_000;
const CHANNELS = Array.from({ length: 30 }, (_, n) => `test#/#room${n}#`);

async function expectEachOnce(from: NotedLink, to: NotedLink, channels: readonly string[]): Promise<void> {
  const mark = `once ${Math.random()}`;
  for (const channel of channels) from.link.publish(channel, `${mark} ${channel}`);
  const wanted = channels.map((channel) => `${mark} ${channel}`).sort();
  await eventually(
    () => to.texts.filter((text) => text.startsWith(mark)).sort(),
    (texts) => texts.length >= wanted.length,
    { withinMs: 5_000, what: "all messages" },
  );
  expect(to.texts.filter((text) => text.startsWith(mark)).sort()).toEqual(wanted);
}

test("a Cluster of three masters, sharded: each channel by its own master, two connections each", async () => {
  const { masters, urls } = await startRedisCluster(3);
  const [ada, bob] = [await startLink(urls, { mode: "sharded" }), await startLink(urls, { mode: "sharded" })];
  expect(new Set(CHANNELS.map((channel) => Math.floor(slotOf(channel) / 5_462))).size).toBe(3);
  await bob.link.subscribe(CHANNELS);
  await expectEachOnce(ada, bob, CHANNELS);
  expect(await ada.link.countSubscribers(CHANNELS)).toEqual(CHANNELS.map(() => 1));
  for (const master of masters) expect(await clientsOf(master)).toBe(4);
});

test("a Cluster, classic: one pair, and one connection to each other master to count subscribers", async () => {
  const { masters, urls } = await startRedisCluster(3);
  const [ada, bob] = [await startLink(urls), await startLink(urls)];
  await bob.link.subscribe(["test#request"]);
  await bob.link.subscribePattern("test#/#*");
  await expectEachOnce(ada, bob, ["test#request", "test#/#room#"]);
  expect(
    await eventually(
      () => ada.link.countSubscribers(["test#request"]),
      () => true,
    ),
  ).toEqual([1]);
  const counts = await Promise.all(masters.map(clientsOf));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(8);
});

test("a master's replica takes over its channels, and nothing comes twice", async () => {
  const { masters, urls } = await startRedisCluster(3, { replicas: 3 });
  const [ada, bob] = [await startLink(urls, { mode: "sharded" }), await startLink(urls, { mode: "sharded" })];
  await bob.link.subscribe(CHANNELS);
  let sent = 0;
  const send = setInterval(() => ada.link.publish(CHANNELS[sent % 30] as string, `m${sent++}`), 5);
  await (masters[0] as RedisServer).kill();
  await Promise.all([ada.down(), bob.down()]);
  await Promise.all([ada.ready(FAILOVER_MS), bob.ready(FAILOVER_MS)]);
  clearInterval(send);
  await expectEachOnce(ada, bob, CHANNELS);
  expect(bob.ups.at(-1)?.missed).toBe(true);
  const texts = bob.texts.filter((text) => /^m\d+$/.test(text));
  expect(texts).toHaveLength(new Set(texts).size);
  // Those of the other two masters went on all the time.
  expect(texts.length).toBeGreaterThan(sent / 2);
});

test("a slot that moves to another master takes its subscribers along", async () => {
  const { masters, urls } = await startRedisCluster(3);
  const [ada, bob] = [await startLink(urls, { mode: "sharded" }), await startLink(urls, { mode: "sharded" })];
  const channel = CHANNELS[0] as string;
  await bob.link.subscribe(CHANNELS);
  const slot = String(slotOf(channel));
  const owner = masters[Math.floor(Number(slot) / 5_462)] as RedisServer;
  const other = masters.find((master) => master !== owner) as RedisServer;
  const id = await other.cli("cluster", "myid");
  for (const master of [other, ...masters.filter((each) => each !== other)])
    await master.cli("cluster", "setslot", slot, "node", id);
  // Well before the Cluster is asked anew of itself.
  await eventually(
    () => bob.downs.at(-1)?.reason,
    (reason) => reason === "slots have moved to another master",
  );
  await eventually(
    () => other.cli("pubsub", "shardnumsub", channel),
    (text) => text.endsWith("1"),
    { withinMs: 10_000, what: "the channel being subscribed where it is now" },
  );
  await Promise.all([ada.ready(), bob.ready()]);
  await eventually(
    async () => {
      ada.link.publish(channel, "moved");
      await pause(100);
      return bob.texts;
    },
    (texts) => texts.includes("moved"),
    { withinMs: 10_000 },
  );
  await expectEachOnce(ada, bob, CHANNELS);
});

test("a master that is gone without a replica holds up its own channels alone", async () => {
  const { masters, urls } = await startRedisCluster(3, { args: ["--cluster-require-full-coverage", "no"] });
  const [ada, bob] = [await startLink(urls, { mode: "sharded" }), await startLink(urls, { mode: "sharded" })];
  await bob.link.subscribe(CHANNELS);
  const first = masters[0] as RedisServer;
  await first.stop();
  await Promise.all([ada.down(), bob.down()]);
  await expectEachOnce(
    ada,
    bob,
    CHANNELS.filter((channel) => slotOf(channel) > 5_500),
  );
  await first.start();
  await Promise.all([ada.ready(FAILOVER_MS), bob.ready(FAILOVER_MS)]);
  await expectEachOnce(ada, bob, CHANNELS);
});

test.each(["classic", "sharded"] as const)("Sentinels name another master: it is followed, %s", async (mode) => {
  const { url, master, replica, failedOver } = await startRedisSentinel();
  const [ada, bob] = [await startLink(url, { mode }), await startLink(url, { mode })];
  await bob.link.subscribe(["test#a"]);
  expect(await clientsOf(master)).toBe(4);
  await master.kill();
  await Promise.all([ada.down(), bob.down()]);
  await failedOver();
  await Promise.all([ada.ready(FAILOVER_MS), bob.ready(FAILOVER_MS)]);
  await expectEachOnce(ada, bob, ["test#a"]);
  expect(await clientsOf(replica)).toBeGreaterThanOrEqual(4);
});

test("a master that says that it is none any more is left, whatever the Sentinels think", async () => {
  const { url, master, replica } = await startRedisSentinel();
  const noted = await startLink(url);
  await master.cli("replicaof", "127.0.0.1", String(replica.port));
  await eventually(
    () => noted.downs.map(({ reason }) => reason),
    (reasons) => reasons.some((reason) => /is a slave, not a master/.test(reason)),
  );
  await master.cli("replicaof", "no", "one");
  await noted.ready(FAILOVER_MS);
});

test("a master that hangs and wakes as a replica is not taken for a master", async () => {
  const { url, master, replica, failedOver } = await startRedisSentinel();
  const [ada, bob] = [await startLink(url), await startLink(url)];
  await bob.link.subscribe(["test#a"]);
  master.pause();
  await Promise.all([ada.down(), bob.down()]);
  await failedOver();
  master.resume();
  await Promise.all([ada.ready(FAILOVER_MS), bob.ready(FAILOVER_MS)]);
  await eventually(
    () => replica.cli("pubsub", "numsub", "test#a"),
    (text) => text.endsWith("1"),
    { withinMs: FAILOVER_MS },
  );
  await eventually(
    () => [ada.link.state, bob.link.state],
    (states) => states.every((state) => state === "ready"),
    { withinMs: FAILOVER_MS },
  );
  await expectEachOnce(ada, bob, ["test#a"]);
});

/** Ours; not the links between the servers. */
async function clientsOf(server: RedisServer): Promise<number> {
  return (await server.clients()).filter(({ name }) => name === "holdfast").length;
}
