import { describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { collect, received, type Socket } from "./support/client.js";
import { fence, nsp, run, runAll, socket } from "./support/remote.js";
import { clientOnEach, onEveryTopology } from "./support/topology.js";

onEveryTopology("conformance.mjs", (topology) => {
  describe("a dynamic namespace", () => {
    test("spans the workers that have a client in it", async () => {
      const namespace = "/dynamic-a";
      const clients = await clientOnEach(topology, { namespace });
      const elsewhere = await topology.client(0, { namespace: "/dynamic-b" });
      const events = [...clients, elsewhere].map((client) => collect(client, "news"));
      const [a, b, c] = clients;
      await run(b, socket.join("r"));
      await runAll(a, nsp.emit("news", 1), nsp.to("r").emit("news", 2), socket.broadcast.emit("news", 3));
      await fence(a, clients);
      expect(events.map(({ items }) => items.flat())).toEqual([[1], [1, 2, 3], [1, 3], []]);
      expect(await run(c, nsp.fetchSockets())).toHaveLength(3);
      // redis-adapter has no allSockets: it gives the server's own.
      const asking = topology.plain ? a : c;
      expect((await run<string[]>(asking, nsp.in("r").allSockets())).sort()).toEqual([b.id]);
    });

    test("reaches the clients that come to it once it has been empty", async () => {
      const namespace = "/dynamic-c";
      for (let i = 0; i < 5; i++) {
        const [a, b] = [await topology.client(0, { namespace }), await topology.client(1, { namespace })];
        const event = received(b, "news");
        await run(a, nsp.emit("news", i));
        expect(await event).toEqual([i]);
        for (const client of [b, a]) client.disconnect();
      }
    });

    test("can be addressed from a worker that has nobody in it", async () => {
      const main = await topology.client(0);
      const child = await topology.client(1, { namespace: "/child-7" });
      const events = collect(child, "news");
      await act(main, "emitInChild", "/child-7", "news", "to all");
      await act(main, "joinInChild", "/child-7", "r");
      const event = received(child, "last");
      await act(main, "emitToChildren", "regex", "r", "last");
      expect(await event).toEqual([]);
      expect(events.items).toEqual([["to all"]]);
    });
  });

  // A parent of redis-adapter's knows the children of its own server, and there is no channel for those of others.
  describe.skipIf(topology.plain).each([
    ["a regular expression", "regex", "/child-"],
    ["a function", "function", "/made-"],
  ])("the parent by %s", (_, kind, prefix) => {
    test("reaches its children in all workers, also those that only others have", async () => {
      const main = await topology.client(0);
      const children = await openChildren(prefix);
      const events = children.map((child) => received(child, "news"));
      await act(main, "emitToChildren", kind, null, "news", { bytes: Buffer.from("b"), text: "\ud800" }, "two");
      for (const event of events) expect(await event).toEqual([{ bytes: Buffer.from("b"), text: "\ud800" }, "two"]);
    });

    test("reaches nobody else, and each client once", async () => {
      const clients = await clientOnEach(topology);
      const children = await openChildren(prefix);
      const events = [...clients, ...children].map((client) => collect(client, "news"));
      const last = children.map((child) => received(child, "last"));
      await act(clients[0], "emitToChildren", kind, null, "news");
      await act(clients[0], "emitToChildren", kind, null, "last");
      await Promise.all(last);
      await fence(clients[0], clients);
      expect(events.map(({ items }) => items.length)).toEqual([0, 0, 0, 1, 1, 1]);
    });

    test("reaches a room in every child, and all but a room", async () => {
      const main = await topology.client(0);
      const children = await openChildren(prefix);
      const events = children.map((child) => collect(child, "news"));
      const last = children.map((child) => received(child, "last"));
      await act(main, "joinInChild", `${prefix}1`, "r");
      await act(main, "joinInChild", `${prefix}2`, "r");
      await act(main, "emitToChildren", kind, "r", "news", "to r");
      await act(main, "emitToChildrenExcept", kind, "r", "news", "to the others");
      await act(main, "emitToChildren", kind, null, "last");
      await Promise.all(last);
      expect(events.map(({ items }) => items.flat())).toEqual([["to the others"], ["to r"], ["to r"]]);
    });

    test("keeps the order with what its children send", async () => {
      const main = await topology.client(0);
      const [, child] = (await openChildren(prefix)) as [Socket, Socket, Socket];
      const events = collect(child, "news");
      for (let i = 0; i < 20; i += 2) {
        await Promise.all([
          act(main, "emitToChildren", kind, null, "news", i),
          act(main, "emitInChild", `${prefix}1`, "news", i + 1),
        ]);
      }
      await events.untilCount(20);
      expect(events.items.flat()).toEqual(Array.from({ length: 20 }, (_, i) => i));
    });
  });

  /** One on each worker, in the children 0, 1 and 2. */
  async function openChildren(prefix: string): Promise<Socket[]> {
    const places = [0, 1, 2];
    return Promise.all(places.map((place) => topology.client(place, { namespace: `${prefix}${place}` })));
  }
});
