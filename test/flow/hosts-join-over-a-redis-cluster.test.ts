// A Redis Cluster of three masters, in sharded mode: everything crosses, few connections, and a master may fail.
import { beforeAll, describe, expect, test } from "vitest";
import { clientsOnEach, collect, connect, received, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { joined, startHosts } from "./support/hosts.js";
import { type PlainMember, startPlainMember } from "./support/plain-member.js";
import { type RedisClusterServers, startRedisCluster } from "./support/redis.js";
import { fence, io, run, socket } from "./support/remote.js";
import { isInOrder, startTalk } from "./support/talk.js";

const MASTERS = 3;
const HOSTS = 2;

describe("over three masters", () => {
  let cluster: RedisClusterServers;
  let hosts: readonly Holdfast[];
  let clients: readonly Socket[];

  beforeAll(async () => {
    cluster = await startRedisCluster(MASTERS);
    hosts = await startHosts({ redis: cluster.urls, mode: "sharded" });
    clients = (await Promise.all(hosts.map((host) => clientsOnEach(host, [0, 1])))).flat();
  });

  test("a broadcast reaches every client once", async () => {
    const events = clients.map((client) => collect(client, "news"));
    await run(clients[0] as Socket, io.emit("news", Buffer.from("b")));
    await fence(clients[0] as Socket, clients);
    expect(events.map(({ items }) => items)).toEqual(clients.map(() => [[Buffer.from("b")]]));
  });

  test("rooms, whose channels are on different masters, reach their members once a join has resolved", async () => {
    const far = clients[2] as Socket;
    for (let i = 0; i < 12; i++) {
      await run(far, socket.join(`room ${i}`));
      const event = received(far, "news");
      await run(clients[0] as Socket, io.to(`room ${i}`).emit("news", i));
      expect(await event).toEqual([i]);
    }
    const events = collect(far, "news");
    await run(far, socket.leave("room 0"));
    await run(clients[0] as Socket, io.to("room 0").emit("news", "left"));
    await run(clients[0] as Socket, io.to(["room 1", "room 2"]).emit("news", "once"));
    await events.untilCount(1);
    expect(events.items).toEqual([["once"]]);
  });

  test("requests and their answers cross", async () => {
    expect(await run(clients[0] as Socket, io.fetchSockets())).toHaveLength(clients.length);
    expect((await run<number[]>(clients[0] as Socket, io.serverSideEmitWithAck("server-slot"))).sort()).toEqual([
      0, 1, 1,
    ]);
    for (const [i, client] of clients.entries()) client.on("q", (ack) => ack(i));
    expect((await run<number[]>(clients[0] as Socket, io.timeout(5_000).emitWithAck("q"))).sort()).toEqual([
      0, 1, 2, 3,
    ]);
  });

  test("a host has two connections to a master at most, and one beside", async () => {
    const counts = await Promise.all(cluster.masters.map(async (master) => (await hostConnections(master)).length));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(HOSTS * (2 * MASTERS + 1));
    expect(Math.max(...counts)).toBeLessThanOrEqual(HOSTS * 3);
  });

  test("a plain sharded server is company there, too", async () => {
    const plain: PlainMember = await startPlainMember({ app: "remote.mjs", mode: "sharded", redis: cluster.urls });
    const member = await connect(plain);
    const event = received(member, "news");
    const found = () => run<unknown[]>(clients[0] as Socket, io.fetchSockets());
    await eventually(found, ({ length }) => length === clients.length + 1);
    await run(clients[0] as Socket, io.emit("news", 1));
    expect(await event).toEqual([1]);
    const back = received(clients[3] as Socket, "news back");
    await run(member, io.emit("news back", 2));
    expect(await back).toEqual([2]);
    member.disconnect();
  });
});

test("a master that fails is replaced, and what is said afterwards arrives, once", async () => {
  const { masters, urls } = await startRedisCluster(MASTERS, { replicas: MASTERS });
  const hosts = await startHosts({ redis: urls, mode: "sharded" });
  const [speaker, far] = (await Promise.all(hosts.map((host) => clientsOnEach(host, [0])))).flat() as [Socket, Socket];
  const talk = startTalk(speaker, [far]);
  await talk.reaches(far);
  await masters[0]?.kill();
  for (const host of hosts) await host.waitForLog("redis-down");
  await joined(hosts, 30_000);
  await talk.reaches(far, 30_000);
  await talk.stop();
  expect(isInOrder(talk.heard(far))).toBe(true);
  for (let i = 0; i < 12; i++) {
    await run(far, socket.join(`room ${i}`));
    const event = received(far, "news");
    await run(speaker, io.to(`room ${i}`).emit("news", i));
    expect(await event).toEqual([i]);
  }
});

/** Those of the test and of the Cluster's own links left out. */
async function hostConnections(server: RedisClusterServers["masters"][number]): Promise<Record<string, string>[]> {
  return (await server.clients()).filter(
    ({ name = "", flags = "" }) => name.startsWith("holdfast") && !/[MS]/.test(flags),
  );
}
