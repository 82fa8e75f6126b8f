import type { Socket as TcpSocket } from "node:net";
import { describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { collect, received, type Socket } from "./support/client.js";
import { fence, io, run, runAll, socket } from "./support/remote.js";
import { clientOnEach, onEveryTopology } from "./support/topology.js";

/** For 20 MB, which Redis may carry as well. */
const LARGE_MS = 30_000;

onEveryTopology("conformance.mjs", (topology) => {
  const { servers } = topology;

  test("an event for all reaches every client, the sender's too", async () => {
    const clients = await clientOnEach(topology);
    const events = clients.map((client) => received(client, "news"));
    await run(clients[0], io.emit("news", 1, "two"));
    for (const event of events) expect(await event).toEqual([1, "two"]);
  });

  test("an event for a room reaches its members", async () => {
    const [a, b, c] = await clientOnEach(topology);
    await run(b, socket.join("r"));
    expect(await whoGets([a, b, c], a, io.to("r").emit("news"))).toEqual([0, 1, 0]);
  });

  test("a client in several of the rooms addressed gets one copy", async () => {
    const [a, b, c] = await clientOnEach(topology);
    await run(b, socket.join(["r", "s", "t"]));
    await run(c, socket.join("s"));
    expect(await whoGets([a, b, c], a, io.to("r").to("s").in(["t"]).emit("news"))).toEqual([0, 1, 1]);
  });

  test("except leaves out the members of a room", async () => {
    const [a, b, c] = await clientOnEach(topology);
    await run(b, socket.join(["r", "not"]));
    await run(c, socket.join("r"));
    expect(await whoGets([a, b, c], a, io.except("not").emit("news"))).toEqual([1, 0, 1]);
    expect(await whoGets([a, b, c], a, io.to("r").except(["not", "nobody"]).emit("news"))).toEqual([0, 0, 1]);
  });

  test("except leaves out a socket by its id", async () => {
    const [a, b, c] = await clientOnEach(topology);
    expect(await whoGets([a, b, c], a, io.except([b.id as string]).emit("news"))).toEqual([1, 0, 1]);
  });

  test("socket.broadcast reaches everybody but the sender", async () => {
    const [a, b, c] = await clientOnEach(topology);
    expect(await whoGets([a, b, c], b, socket.broadcast.emit("news"))).toEqual([1, 0, 1]);
  });

  test("socket.to a room reaches its members but the sender", async () => {
    const [a, b, c] = await clientOnEach(topology);
    for (const member of [a, b]) await run(member, socket.join("r"));
    expect(await whoGets([a, b, c], b, socket.to("r").emit("news"))).toEqual([1, 0, 0]);
  });

  test("an event for a socket's id reaches that socket", async () => {
    const [a, b, c] = await clientOnEach(topology);
    expect(await whoGets([a, b, c], a, io.to(c.id as string).emit("news"))).toEqual([0, 0, 1]);
  });

  test("local stays with the server's own clients", async () => {
    const [a, b, c] = await clientOnEach(topology);
    const others = servers === 1 ? 1 : 0;
    expect(await whoGets([a, b, c], a, io.local.emit("news"))).toEqual([1, others, others]);
  });

  test("a number is another room than its digits", async () => {
    const [a, b, c] = await clientOnEach(topology);
    await run(b, socket.join(7 as unknown as string));
    await run(c, socket.join("7"));
    expect(await whoGets([a, b, c], a, io.to(7 as unknown as string).emit("news"))).toEqual([0, 1, 0]);
    expect(await whoGets([a, b, c], a, io.to("7").emit("news"))).toEqual([0, 0, 1]);
  });

  test.each(["__proto__", "constructor", "", "\ud800", "r\u0000m", "é😀"])(
    "%j is a room like any other",
    async (room) => {
      const [a, b, c] = await clientOnEach(topology);
      await run(b, socket.join(room));
      expect(await whoGets([a, b, c], a, io.to(room).emit("news"))).toEqual([0, 1, 0]);
    },
  );

  test("a room that was left gets nothing more", async () => {
    const [a, b, c] = await clientOnEach(topology);
    for (const member of [b, c]) await run(member, socket.join("r"));
    await run(b, socket.leave("r"));
    expect(await whoGets([a, b, c], a, io.to("r").emit("news"))).toEqual([0, 0, 1]);
  });

  test("a client that has left even its own room is still one of all", async () => {
    const [a, b, c] = await clientOnEach(topology);
    await run(b, socket.leave(b.id as string));
    expect(await whoGets([a, b, c], a, io.emit("news"))).toEqual([1, 1, 1]);
    expect(await whoGets([a, b, c], a, io.to(b.id as string).emit("news"))).toEqual([0, 0, 0]);
  });

  describe("volatile events", () => {
    test("reach a client that can take them", async () => {
      const clients = await clientOnEach(topology);
      const events = clients.map((client) => received(client, "news"));
      await run(clients[0], io.volatile.emit("news", 1));
      for (const event of events) expect(await event).toEqual([1]);
    });

    test("are dropped for a client that cannot", async () => {
      const [a, b] = await clientOnEach(topology);
      const besideB = await topology.client(1);
      const order: string[] = [];
      b.onAny((event: string) => order.push(event));
      const tcp = (b.io.engine.transport as unknown as { ws: { _socket: TcpSocket } }).ws._socket;
      tcp.pause();
      const blocked = received(besideB, "bytes", LARGE_MS);
      await act(a, "emitBytes", 20 * 1024 * 1024);
      await blocked;
      await runAll(a, io.volatile.emit("volatile"), io.emit("kept"));
      await fence(a, [besideB]);
      tcp.resume();
      await fence(a, [b]);
      expect(order.slice(0, 2)).toEqual(["bytes", "kept"]);
    });
  });

  test("compress() changes nothing of what arrives", async () => {
    const [a, b] = await clientOnEach(topology);
    const event = received(b, "news");
    await run(a, io.compress(false).emit("news", "x".repeat(5_000)));
    expect(await event).toEqual(["x".repeat(5_000)]);
  });

  test("polling clients get what others get", async () => {
    const clients = await clientOnEach(topology, { transport: "polling" });
    const events = clients.map((client) => received(client, "news"));
    await run(clients[0], io.emit("news", { bytes: Buffer.from([1, 2]) }));
    for (const event of events) expect(await event).toEqual([{ bytes: Buffer.from([1, 2]) }]);
  });

  describe("order", () => {
    test("io.emit then socket.emit arrive in that order", async () => {
      const [a] = await clientOnEach(topology);
      const order: string[] = [];
      a.onAny((event: string) => order.push(event));
      const done = received(a, "third");
      await runAll(a, io.emit("first"), socket.emit("second"), io.emit("third"));
      await done;
      expect(order).toEqual(["first", "second", "third"]);
    });

    test("what one server sends to a room arrives as it was sent", async () => {
      const [a, b, c] = await clientOnEach(topology);
      await run(c, socket.join("r"));
      const events = collect(c, "burst");
      await Promise.all([a, b].map((sender) => act(sender, "burst", "r", 500)));
      await events.untilCount(1_000);
      for (const { id } of [a, b]) {
        const sent = events.items.filter(([sender]) => sender === id).map(([, i]) => i);
        expect(sent).toEqual(Array.from({ length: 500 }, (_, i) => i));
      }
    });
  });
});

/** How often each of the clients gets "news" when `sender`'s worker makes the call. */
async function whoGets(clients: readonly Socket[], sender: Socket, call: unknown): Promise<number[]> {
  const counts = clients.map((client) => collect(client, "news"));
  await run(sender, call);
  await fence(sender, clients);
  return counts.map(({ items }) => items.length);
}
