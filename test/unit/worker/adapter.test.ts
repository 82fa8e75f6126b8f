/** What needs a look into the workers. What clients see over real processes is in test/flow/conformance-*.test.ts. */
import type { Socket as Client } from "socket.io-client";
import { describe, expect, test, vi } from "vitest";
import { startCluster, type Worker } from "./cluster.js";

const TIMEOUT_MS = 5_000;

test("an event reaches the clients of other workers, and the workers count each other", async () => {
  const { workers } = await startCluster();
  const [a, b] = workers;
  const client = await b.connect();
  const came = received(client, "x");
  a.io.emit("x", 1, { b: Buffer.from([1]) });
  expect(await came).toEqual([1, { b: Buffer.from([1]) }]);
  expect(await a.io.of("/").adapter.serverCount()).toBe(3);
});

test("a socket that has left every room is still one of all", async () => {
  const { workers } = await startCluster();
  const [a, b] = workers;
  const client = await b.connect();
  const { rooms } = b.socketOf(client);
  for (const room of rooms) b.socketOf(client).leave(room);
  await settled(a, b);
  const came = received(client, "x");
  a.io.emit("x");
  expect(await came).toEqual([]);
  expect(await a.io.fetchSockets()).toMatchObject([{ id: client.id, rooms: new Set() }]);
});

test("what a worker has told the switch is taken back when its last client has gone", async () => {
  const { hub, workers } = await startCluster();
  const [a, b] = workers;
  const clients = [await b.connect(), await b.connect()];
  for (const client of clients) b.socketOf(client).join(["r", client.id as string, "s"]);
  b.socketOf(clients[0] as Client).leave(clients[0]?.id as string);
  await settled(a, b);
  expect(hub.counters).toMatchObject({ switchRooms: 4 });
  for (const client of clients) client.disconnect();
  await vi.waitFor(() => expect(hub.counters).toMatchObject({ switchRooms: 0, switchNamespaces: 1 }));
});

describe("rooms with odd names", () => {
  const names = ["\ud800", "a\udfff", "__proto__", "", 1, -1.5, Number.NaN, undefined, null, true] as string[];

  test.each(names.map((name) => [String(name), name]))("%s", async (_, name) => {
    const { workers } = await startCluster();
    const [a, b, c] = workers;
    const [inside, outside] = [await b.connect(), await c.connect()];
    b.socketOf(inside).join(name);
    c.socketOf(outside).join(`other ${String(name)}`);
    await settled(a, b);
    const events = [collect(inside, "x"), collect(outside, "x")];
    a.io.to(name).emit("x");
    a.io.except(name).emit("x", "to the others");
    await fence(a, [inside, outside]);
    expect(events).toEqual([[[]], [["to the others"]]]);
  });

  test("a room that is an object reaches nobody, and breaks nothing", async () => {
    const { workers } = await startCluster();
    const [a, b] = workers;
    const client = await b.connect();
    const events = collect(client, "x");
    a.io.to(Object.create(null) as string).emit("x");
    await fence(a, [client]);
    expect(events).toEqual([]);
    expect(a.told.ends).toEqual([]);
  });
});

describe("broadcasts with acknowledgements", () => {
  test("sent from an outgoing listener do not confuse the one that is being sent", async () => {
    const { workers } = await startCluster();
    const [a, b, c] = workers;
    const clients = [await a.connect(), await b.connect(), await c.connect()];
    for (const client of clients) client.onAny((event, ack) => ack(event));
    let inner: Promise<unknown> | undefined;
    a.socketOf(clients[0] as Client).onAnyOutgoing((event) => {
      if (event === "outer") inner = a.io.timeout(TIMEOUT_MS).emitWithAck("inner");
    });
    expect(await a.io.timeout(TIMEOUT_MS).emitWithAck("outer")).toEqual(["outer", "outer", "outer"]);
    expect(await inner).toEqual(["inner", "inner", "inner"]);
    expect(await a.io.of("/").adapter.serverCount()).toBe(3);
  });

  test("carry what the app's toJSON says, and any Unicode", async () => {
    const { workers } = await startCluster();
    const [a, b] = workers;
    const client = await b.connect();
    client.on("x", (...args) => args.pop()(args));
    class Money {
      toJSON() {
        return "12 EUR";
      }
    }
    const answer = await a.io.timeout(TIMEOUT_MS).emitWithAck("x", new Money(), "\ud800", new Float32Array([1]));
    const floats = Buffer.from(new Float32Array([1]).buffer);
    expect(answer).toEqual([["12 EUR", "\ud800", floats]]);
  });

  test("leave nothing behind in any worker when a client stays silent", async () => {
    const { hub, workers } = await startCluster();
    const [a, b] = workers;
    const silent = [await a.connect(), await b.connect()];
    const failed = a.io.timeout(100).emitWithAck("x");
    await expect(failed).rejects.toMatchObject({ message: "operation has timed out", responses: [] });
    const acks = () => [a.socketOf(silent[0] as Client), b.socketOf(silent[1] as Client)].map(acksOf);
    await vi.waitFor(() => expect(acks()).toEqual([0, 0]));
    await vi.waitFor(() => expect(hub.counters).toMatchObject({ switchRequests: 0 }));
  });

  test("that cannot be encoded reach nobody and end no worker", async () => {
    const { workers } = await startCluster();
    const [a, b] = workers;
    const client = await b.connect();
    const events = collect(client, "x");
    await expect(a.io.timeout(100).emitWithAck("x", 10n)).resolves.toEqual([]);
    await fence(a, [client]);
    expect(events).toEqual([]);
    expect(a.dropped).toContain("unencodable-event");
  });
});

test("a worker that waits for very many answers is told so, and not that there is nobody", async () => {
  const { workers } = await startCluster();
  const [a, b] = workers;
  await b.connect();
  for (let i = 0; i < 10_000; i++) a.io.timeout(60_000).emit("x", () => {});
  await expect(a.io.fetchSockets()).rejects.toMatchObject({ code: "HOLDFAST_REQUEST_REFUSED" });
  await expect(a.io.timeout(200).emitWithAck("x")).rejects.toMatchObject({ message: "operation has timed out" });
});

describe("fetchSockets", () => {
  test("tells of all sockets when what one client sent in its handshake cannot be told", async () => {
    const { workers } = await startCluster();
    const [a, b] = workers;
    const hostile = await b.connect({ auth: nested(3_000) as object });
    const other = await b.connect({ auth: { token: "t" } });
    b.socketOf(other).data.name = "ada";
    const sockets = await a.io.fetchSockets();
    expect(sockets.map(({ id }) => id).sort()).toEqual([hostile.id, other.id].sort());
    expect(sockets.find(({ id }) => id === other.id)).toMatchObject({
      data: { name: "ada" },
      handshake: { auth: { token: "t" } },
    });
    expect(b.told.ends).toEqual([]);
  });

  test("tells the data that can be told", async () => {
    const { workers } = await startCluster();
    const [a, b] = workers;
    const socket = b.socketOf(await b.connect());
    const circle: Record<string, unknown> = { greet: () => "hello" };
    circle.self = circle;
    Object.assign(socket.data, { name: "ada", when: new Date(5), circle });
    const [found] = await a.io.fetchSockets();
    expect(found?.data).toEqual({ name: "ada", when: new Date(5) });
  });
});

describe("a namespace that is closed while a client is being let in", () => {
  test("is open for that client, and leaves nothing in the switch", async () => {
    const { hub, workers } = await startCluster({ cleanupEmptyChildNamespaces: true });
    const [a, b] = workers;
    let letIn: (() => void) | undefined;
    b.io.of(/^\/room-/).use((socket, next) => {
      if (socket.handshake.auth.slow) letIn = next;
      else next();
    });
    const first = await b.connect({ namespace: "/room-1" });
    const slow = b.connect({ namespace: "/room-1", auth: { slow: true } });
    await vi.waitFor(() => expect(letIn).toBeDefined());
    first.disconnect();
    await vi.waitFor(() => expect(b.io._nsps.get("/room-1")).toBeUndefined());
    letIn?.();
    const second = await slow;
    const came = received(second, "x");
    await settled(a, b);
    a.io.of("/room-1").emit("x");
    expect(await came).toEqual([]);
    second.disconnect();
    a.io.of("/room-1").adapter.close();
    await vi.waitFor(() => expect(hub.counters).toMatchObject({ switchNamespaces: 1 + 1, switchRooms: 0 }));
  });
});

function acksOf(socket: unknown): number {
  return (socket as { acks: Map<number, unknown> }).acks.size;
}

/** Resolved when what the second has told the switch is known to it. */
async function settled(asking: Worker, telling: Worker): Promise<void> {
  await telling.io.of("/").adapter.serverCount();
  await asking.io.of("/").adapter.serverCount();
}

async function fence(sender: Worker, clients: readonly Client[]): Promise<void> {
  const arrivals = clients.map((client) => received(client, "fence"));
  sender.io.emit("fence");
  await Promise.all(arrivals);
}

function received(client: Client, event: string): Promise<unknown[]> {
  return new Promise((resolve) => client.once(event, (...args: unknown[]) => resolve(args)));
}

function collect(client: Client, event: string): unknown[][] {
  const events: unknown[][] = [];
  client.on(event, (...args: unknown[]) => events.push(args));
  return events;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = { a: value };
  return value;
}
