// A plain Socket.IO server with @socket.io/redis-adapter, and two Holdfast hosts of two workers, both ways.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { clientOn, collect, connect, disconnected, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { startHosts } from "./support/hosts.js";
import { type PlainMember, startPlainMember } from "./support/plain-member.js";
import { type RedisServer, startRedis } from "./support/redis.js";
import { fence, io, nsp, run, socket } from "./support/remote.js";

const APP = "conformance.mjs";
const PLAIN_SLOT = 7;
const HOSTS = 2;
/** Rooms that the sockets of the test have joined, beside their own. */
const NEW = ["new", "newer"];

describe.each(["classic", "sharded"] as const)("%s", (mode) => {
  let redis: RedisServer;
  let hosts: [Holdfast, Holdfast];
  let plain: PlainMember;

  beforeAll(async () => {
    redis = await startRedis();
    plain = await startPlainMember({ app: APP, slot: PLAIN_SLOT, mode, redis: [redis.url] });
    hosts = await startHosts({ app: APP, redis: redis.url, mode });
    const first = await clientOn(hosts[0], 0);
    const count = () => act<number>(first, "serverCount");
    await eventually(count, (servers) => servers === 1 + 2 * HOSTS);
    first.disconnect();
  });
  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await plain.stop();
    await redis.stop();
  });

  /** On the plain server first, then on each worker of both hosts; and nobody else. */
  async function clients(): Promise<[Socket, Socket, Socket, Socket, Socket]> {
    const all = [await connect(plain)];
    for (const host of hosts) all.push(await clientOn(host, 0), await clientOn(host, 1));
    const ids = new Set(all.map(({ id }) => id));
    for (const asking of [all[0], all[1]] as [Socket, Socket]) {
      const found = () => run<{ id: string }[]>(asking, nsp.fetchSockets());
      await eventually(found, (sockets) => sockets.length === ids.size && sockets.every(({ id }) => ids.has(id)));
    }
    return all as [Socket, Socket, Socket, Socket, Socket];
  }

  describe.each([
    ["of the plain server", 0],
    ["of a worker", 1],
  ] as const)("%s", (_, sending) => {
    test("a broadcast, binary too, reaches every client once", async () => {
      const all = await clients();
      const events = all.map((client) => collect(client, "news"));
      const args = ["é", { bytes: Buffer.from([1, 2]), list: [1, null, true] }, Buffer.alloc(70_000, 3)];
      await run(all[sending], io.emit("news", ...args));
      await fence(all[sending], all);
      for (const { items } of events) expect(items).toEqual([args]);
    });

    test("a broadcast to rooms reaches their members once, less those excepted", async () => {
      const all = await clients();
      const [p, a, b, c, d] = all;
      for (const member of [p, a, b, c]) await run(member, socket.join(["r", "s"]));
      await run(d, socket.join("s"));
      for (const member of [b, p]) await run(member, socket.join("not"));
      const events = all.map((client) => collect(client, "news"));
      await run(all[sending], io.to("r").emit("news", "r"));
      await run(all[sending], io.to(["r", "s"]).except("not").emit("news", "r or s, but not"));
      await run(all[sending], io.to(d.id as string).emit("news", "d"));
      await run(all[sending], io.to(p.id as string).emit("news", "p"));
      await fence(all[sending], all);
      expect(events.map(({ items }) => items.flat())).toEqual([
        ["r", "p"],
        ["r", "r or s, but not"],
        ["r"],
        ["r", "r or s, but not"],
        ["r or s, but not", "d"],
      ]);
    });

    test("a broadcast with acknowledgements gathers one of every client", async () => {
      const all = await clients();
      for (const [i, client] of all.entries()) client.on("q", (arg, ack) => ack({ i, arg, bytes: Buffer.from("b") }));
      const answers: { i: number }[] = await run(all[sending], io.timeout(5_000).emitWithAck("q", "arg"));
      const wanted = all.map((_, i) => ({ i, arg: "arg", bytes: Buffer.from("b") }));
      expect(answers.sort((one, other) => one.i - other.i)).toEqual(wanted);
      expect(await run(all[sending], io.to("nobody").timeout(5_000).emitWithAck("q"))).toEqual([]);
    });

    test("fetchSockets finds every socket once, with its rooms and data", async () => {
      const all = await clients();
      for (const [i, client] of all.entries()) {
        await run(client, socket.join(`room ${i}`));
        await act(client, "setData", { i });
      }
      const found = await run<Found[]>(all[sending], io.fetchSockets());
      const wanted = all.map(({ id }, i) => ({ id, rooms: [id, `room ${i}`], data: { i } }));
      expect(found.sort(byId)).toEqual(wanted.sort(byId));
      const other = await run<Found[]>(all[sending], io.in(["room 0", "room 3"]).except("room 3").fetchSockets());
      expect(other.map(({ data }) => data)).toEqual([{ i: 0 }]);
    });

    test("socketsJoin, socketsLeave and disconnectSockets move and end every socket", async () => {
      const all = await clients();
      for (const member of [all[0], all[1], all[4]]) await run(member, socket.join("old"));
      await run(all[sending], io.in("old").socketsJoin(["new", "newer"]));
      await run(all[sending], io.in("new").socketsLeave("old"));
      await eventually(
        () => Promise.all(all.map(async (client) => (await run<string[]>(client, socket.rooms)).slice(1).sort())),
        (rooms) => JSON.stringify(rooms) === JSON.stringify([NEW, NEW, [], [], NEW]),
      );
      const ended = [all[0], all[1], all[4]].map((client) => disconnected(client));
      await run(all[sending], io.in("newer").disconnectSockets(true)).catch(() => {});
      expect(await Promise.all(ended)).toEqual(Array(3).fill("io server disconnect"));
      expect([all[2], all[3]].map(({ connected }) => connected)).toEqual([true, true]);
    });

    test("serverSideEmit reaches every other server once", async () => {
      const all = await clients();
      const events = all.map((client) => collect(client, "server-side"));
      await run(all[sending], io.serverSideEmit("server-side", "a", { b: [1] }));
      await fence(all[sending], all);
      const slots = [PLAIN_SLOT, 0, 1, 0, 1];
      const others = events.filter((_, i) => i !== sending);
      await Promise.all(others.map((event) => event.untilCount(1)));
      const wanted = slots.map((slot, i) => (i === sending ? [] : [[slot, "a", { b: [1] }]]));
      expect(events.map(({ items }) => items)).toEqual(wanted);
    });
  });

  test("a worker's serverSideEmit is answered by every other worker and by the plain server", async () => {
    const [, a] = await clients();
    expect((await run(a, io.serverSideEmitWithAck("server-slot"))).sort()).toEqual([0, 1, 1, PLAIN_SLOT]);
  });

  test("the plain server's serverSideEmit is answered once by each host", async () => {
    const [p] = await clients();
    const answers = await run<number[]>(p, io.serverSideEmitWithAck("server-slot"));
    expect(answers).toHaveLength(HOSTS);
  });

  test("a worker counts workers and plain servers, the plain server counts hosts", async () => {
    const [p, a] = await clients();
    expect(await act(a, "serverCount")).toBe(2 * HOSTS + 1);
    expect(await act(p, "serverCount")).toBe(HOSTS + 1);
  });

  test.runIf(mode === "classic")("sockets() and allRooms() of the plain server's requests are answered", async () => {
    const all = await clients();
    const [p, , , , d] = all;
    await run(d, socket.join("far"));
    const ids = all.map(({ id }) => id as string);
    expect((await act<string[]>(p, "allRooms")).sort()).toEqual([...ids, "far"].sort());
    expect((await act<string[]>(all[1], "allRooms")).sort()).toEqual([...ids, "far"].sort());
    expect((await act<string[]>(all[1], "sockets", p.id, "far")).sort()).toEqual([p.id, d.id].sort());
  });
});

interface Found {
  readonly id: string;
  readonly rooms: string[];
  readonly data: unknown;
}

function byId(one: { readonly id?: string | undefined }, other: { readonly id?: string | undefined }): number {
  return String(one.id).localeCompare(String(other.id));
}
