import { describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { collect, disconnected, received, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { fence, io, nsp, run, runAll, socket } from "./support/remote.js";
import { clientOnEach, onEveryTopology } from "./support/topology.js";

onEveryTopology("conformance.mjs", (topology) => {
  describe("fetchSockets", () => {
    test("gives every socket, those of a room, and those but a room", async () => {
      const clients = await clientOnEach(topology);
      const [a, b, c] = clients;
      for (const member of [b, c]) await run(member, socket.join("r"));
      await run(c, socket.join("not"));
      const { servers } = topology;
      expect(idsOf(await run(a, io.fetchSockets()))).toEqual(idsOf(clients));
      expect(idsOf(await run(a, io.in("r").fetchSockets()))).toEqual(idsOf([b, c]));
      expect(idsOf(await run(a, io.in("r").except("not").fetchSockets()))).toEqual(idsOf([b]));
      expect(idsOf(await run(a, io.in(["r", "not"]).fetchSockets()))).toEqual(idsOf([b, c]));
      expect(idsOf(await run(a, io.in("nobody").fetchSockets()))).toEqual([]);
      expect(idsOf(await run(a, io.local.fetchSockets()))).toEqual(idsOf(servers === 1 ? clients : [a]));
    });

    test("tells each socket's rooms, data and handshake", async () => {
      const auth = { token: "t", nested: { deep: ["é\ud800"] } };
      const options = { auth, query: { token: "of the query" } };
      const [a, b] = await clientOnEach(topology, { options });
      await run(b, socket.join(["r", "s"]));
      await act(b, "setData", { name: "ada", tags: ["x"], bytes: Buffer.from("b") });
      const seen = await act(a, "describe", b.id);
      expect(seen).toEqual(await act(b, "describe", b.id));
      expect(seen).toMatchObject({
        auth,
        token: "of the query",
        address: "127.0.0.1",
        url: expect.stringContaining("EIO=4"),
      });
      expect(seen.rooms.sort()).toEqual([b.id, "r", "s"].sort());
      expect(seen.data).toEqual({ name: "ada", tags: ["x"], bytes: Buffer.from("b") });
      expect(seen.host).toMatch(/^127\.0\.0\.1:/);
    });

    test("tells data of any kind, and leaves out what has none", async () => {
      const [a, b] = await clientOnEach(topology);
      await act(b, "setOddData");
      const remote = await act(a, "kindsOfData", b.id);
      expect(remote).toMatchObject(topology.servers === 1 ? { when: "Date", list: "Set", greet: "Function" } : {});
      expect(Object.keys(remote)).toContain("when");
    });
  });

  test("allSockets gives the ids in rooms", async () => {
    const clients = await clientOnEach(topology);
    const [a, b, c] = clients;
    for (const member of [b, c]) await run(member, socket.join("r"));
    expect((await run(a, io.allSockets())).sort()).toEqual(idsOf(clients));
    expect((await run(a, io.in("r").allSockets())).sort()).toEqual(idsOf([b, c]));
    expect((await run<string[]>(a, io.in("nobody").allSockets())).sort()).toEqual([]);
    expect((await act<string[]>(a, "sockets", "r", b.id)).sort()).toEqual(idsOf([b, c]));
  });

  describe("socketsJoin and socketsLeave", () => {
    test("move every socket, or those of a room", async () => {
      const clients = await clientOnEach(topology);
      const [a, b, c] = clients;
      await run(b, socket.join("r"));
      await run(a, io.in("r").socketsJoin(["x", "y"]));
      await run(a, io.except("r").socketsJoin("z"));
      await fence(a, clients);
      expect(await roomsOf(clients)).toEqual([["z"], ["r", "x", "y"], ["z"]]);
      await run(c, io.in("z").socketsLeave("z"));
      await run(c, io.socketsLeave(["x", "r"]));
      await fence(c, clients);
      // A plain server does by itself only what has come back from Redis, later than what it broadcasts.
      await eventually(
        () => roomsOf(clients),
        ([, , ofC]) => !topology.plain || ofC?.length === 0,
      );
      expect(await roomsOf(clients)).toEqual([[], ["y"], []]);
    });

    test("then an event to the room, in one go, reaches the sockets that have joined", async () => {
      for (let i = 0; i < 20; i++) {
        const [a, b, c] = await clientOnEach(topology);
        await run(b, socket.join("old"));
        const events = [b, c].map((client) => collect(client, "news"));
        await runAll(
          a,
          io.in("old").socketsJoin("new"),
          io.to("new").emit("news"),
          io.in("new").socketsJoin("newer"),
          io.to("newer").emit("news", 2),
        );
        await fence(a, [b, c]);
        expect(events.map(({ items }) => items)).toEqual([[[], [2]], []]);
        for (const client of [a, b, c]) client.disconnect();
      }
    });

    test("then fetchSockets, in one go, finds them", async () => {
      const [a, b] = await clientOnEach(topology);
      await run(b, socket.join("old"));
      const [, found] = await runAll(a, io.in("old").socketsJoin("new"), io.in("new").fetchSockets());
      expect(idsOf(found as Socket[])).toEqual(idsOf([b]));
    });

    test("then an event to the room that was left, in one go, reaches nobody", async () => {
      const [a, b] = await clientOnEach(topology);
      await run(b, socket.join("old"));
      const events = collect(b, "news");
      await runAll(a, io.in("old").socketsLeave("old"), io.to("old").emit("news"));
      await fence(a, [b]);
      expect(events.items).toEqual([]);
    });
  });

  describe("disconnectSockets", () => {
    test("ends the sockets of a room, and leaves their connections to other namespaces", async () => {
      const [a, b, c] = await clientOnEach(topology);
      const chat = b.io.socket("/chat");
      await received(chat, "connect");
      await run(b, socket.join("r"));
      const ended = disconnected(b);
      await run(a, io.in("r").disconnectSockets());
      expect(await ended).toBe("io server disconnect");
      expect(await chat.emitWithAck("echo", 1)).toBe(1);
      expect([a, c].map(({ connected }) => connected)).toEqual([true, true]);
      chat.disconnect();
    });

    test("with true ends their connections", async () => {
      const [a, b, c] = await clientOnEach(topology);
      const chat = b.io.socket("/chat");
      await received(chat, "connect");
      const ended = [disconnected(b), disconnected(chat)];
      await run(a, io.in(b.id as string).disconnectSockets(true));
      expect(await Promise.all(ended)).toEqual(["io server disconnect", "io server disconnect"]);
      expect([a, c].map(({ connected }) => connected)).toEqual([true, true]);
    });

    test("of everybody ends the caller too", async () => {
      const clients = await clientOnEach(topology);
      const ended = clients.map((client) => disconnected(client));
      await run(clients[0], io.disconnectSockets()).catch(() => {});
      expect(await Promise.all(ended)).toEqual(clients.map(() => "io server disconnect"));
    });
  });

  test("a socket found by fetchSockets can be sent to, moved and ended", async () => {
    const [a, b, c] = await clientOnEach(topology);
    for (const member of [b, c]) await run(member, socket.join("r"));
    const events = [b, c].map((client) => received(client, "news"));
    await act(a, "callEach", "r", "emit", "news", 1, { bytes: Buffer.from("b") });
    for (const event of events) expect(await event).toEqual([1, { bytes: Buffer.from("b") }]);
    await act(a, "callEach", "r", "join", "s");
    await act(a, "callEach", "r", "leave", "r");
    await fence(a, [b, c]);
    expect(await roomsOf([a, b, c])).toEqual([[], ["s"], ["s"]]);
    const ended = [b, c].map((client) => disconnected(client));
    await act(a, "callEach", "s", "disconnect");
    expect(await Promise.all(ended)).toEqual(["io server disconnect", "io server disconnect"]);
  });

  test("an outgoing listener sees what comes from other workers, binary too", async () => {
    const [a, b] = await clientOnEach(topology);
    await act(b, "watchOutgoing");
    const event = { many: Array.from({ length: 10 }, (_, i) => Buffer.from([i])), text: "é" };
    await run(a, io.emit("news", event, 2));
    await run(a, socket.to(b.id as string).emit("more"));
    await fence(a, [b]);
    const seen = await act<unknown[][]>(b, "outgoing");
    expect(seen.filter(([name]) => name === "news" || name === "more")).toEqual([["news", event, 2], ["more"]]);
  });

  test("each namespace is a world of its own", async () => {
    const clients = await clientOnEach(topology);
    const [a, b, c] = await clientOnEach(topology, { namespace: "/chat" });
    await run(b, socket.join("r"));
    await run(clients[1], socket.join("r"));
    const events = [...clients, a, b, c].map((client) => collect(client, "news"));
    await run(a, nsp.emit("news", "to chat"));
    await run(a, nsp.to("r").emit("news", "to chat's r"));
    await run(clients[0], nsp.to("r").emit("news", "to r"));
    await fence(a, [a, b, c]);
    await fence(clients[0], clients);
    const chat = [["to chat"]];
    expect(events.map(({ items }) => items)).toEqual([[], [["to r"]], [], chat, [...chat, ["to chat's r"]], chat]);
    expect(idsOf(await run(c, nsp.fetchSockets()))).toEqual(idsOf([a, b, c]));
  });
});

function idsOf(sockets: readonly { readonly id?: string | undefined }[]): (string | undefined)[] {
  return sockets.map(({ id }) => id).sort();
}

/** Beside each client's own. */
async function roomsOf(clients: readonly Socket[]): Promise<string[][]> {
  const all = await Promise.all(clients.map((client) => run<string[]>(client, socket.rooms)));
  return all.map((rooms, i) => rooms.filter((room) => room !== clients[i]?.id).sort());
}
