import { describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { collect, received } from "./support/client.js";
import { fence, io, type RemoteError, run } from "./support/remote.js";
import { clientOnEach, countedAt, onManyServers, slotsBeside } from "./support/topology.js";

onManyServers("conformance.mjs", (topology) => {
  describe("serverSideEmit", () => {
    test("reaches the other workers and not the own", async () => {
      const clients = await clientOnEach(topology);
      const events = clients.map((client) => collect(client, "server-side"));
      await run(clients[1], io.serverSideEmit("server-side", "a", { b: [1] }));
      await fence(clients[1], clients);
      const args = ["a", { b: [1] }];
      await Promise.all([events[0]?.untilCount(1), events[2]?.untilCount(1)]);
      const [a, , c] = topology.slots;
      expect(events.map(({ items }) => items)).toEqual([[[a, ...args]], [], [[c, ...args]]]);
    });

    test("carries values that JSON has not", async ({ skip }) => {
      skip(topology.plain !== undefined, "a redis-adapter's requests are JSON: its server's handler would throw");
      const [a, b] = await clientOnEach(topology);
      const event = received(b, "odd-server-side");
      await act(a, "serverSideOdd");
      expect(await event).toEqual(["1,[object Set]", [2], "Float32Array", [1], "10"]);
    });

    test("arrives before what is sent after it", async () => {
      const [a, b] = await clientOnEach(topology);
      const order: unknown[] = [];
      b.onAny((event: string) => order.push(event));
      for (let i = 0; i < 5; i++) {
        await Promise.all([run(a, io.serverSideEmit("server-side")), run(a, io.emit("after"))]);
      }
      await fence(a, [b]);
      expect(order.slice(0, 10)).toEqual(Array.from({ length: 5 }, () => ["server-side", "after"]).flat());
    });

    test("refuses what one process refuses", async () => {
      const [a] = await clientOnEach(topology);
      await expect(run(a, io.serverSideEmit("connection"))).rejects.toThrow('"connection" is a reserved event name');
    });
  });

  describe("serverSideEmitWithAck", () => {
    test("gathers one answer of every other worker", async () => {
      const [a, b] = await clientOnEach(topology);
      expect((await run(a, io.serverSideEmitWithAck("server-slot"))).sort()).toEqual(slotsBeside(0, topology));
      expect((await run(b, io.serverSideEmitWithAck("server-slot"))).sort()).toEqual(slotsBeside(1, topology));
      const once = slotsBeside(0, topology).map(() => 1);
      expect(await run(a, io.serverSideEmitWithAck("answer-twice"))).toEqual(once);
    });

    test("is answered with any value", async ({ skip }) => {
      skip(topology.plain !== undefined, "a redis-adapter answers in JSON or by notepack.io, which hold less");
      const [a] = await clientOnEach(topology);
      for (const value of [
        null,
        0,
        "",
        "\ud800",
        { deep: [Buffer.from("b")] },
        JSON.parse('{"__proto__": {"a": 1}}'),
      ]) {
        const values = slotsBeside(0, topology).map(() => value);
        expect(await run(a, io.serverSideEmitWithAck("answer", value))).toEqual(values);
      }
    });

    test("fails after the timeout with the answers that came, when a worker stays silent", async () => {
      const [a] = await clientOnEach(topology);
      const silent = topology.slots[2];
      const answering = slotsBeside(0, topology).filter((slot) => slot !== silent);
      const failed = run(a, io.serverSideEmitWithAck("server-silent-on", silent)).catch(
        (error) => error as RemoteError,
      );
      const { message, responses } = (await failed) as RemoteError;
      expect(message).toContain(`timeout reached: only ${answering.length} responses`);
      expect(responses?.sort()).toEqual(answering);
      await topology.settled();
    });
  });

  test("a worker counts the servers, itself among them", async () => {
    const [a, b, c] = await clientOnEach(topology);
    const counts = await Promise.all([a, b, c].map((client) => act(client, "serverCount")));
    expect(counts).toEqual(([0, 1, 2] as const).map((place) => countedAt(place, topology)));
  });

  test("allRooms gives the rooms of all workers", async () => {
    const clients = await clientOnEach(topology);
    const [a, b, c] = clients;
    await run(b, io.in(b.id as string).socketsJoin(["r", "s"]));
    await run(c, io.in(c.id as string).socketsJoin("r"));
    const rooms: string[] = await act(a, "allRooms");
    expect(rooms.sort()).toEqual([...clients.map(({ id }) => id), "r", "s"].sort());
  });
});
