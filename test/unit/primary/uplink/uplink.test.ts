import type { Socket as Client } from "socket.io-client";
import { describe, expect, test } from "vitest";
import { Bus, type Host, type HostOptions, startHost } from "./hosts.js";

const MODES = ["classic", "sharded"] as const;

describe.each(MODES)("two hosts, %s", (mode) => {
  test("an event crosses Redis once, and reaches each client once", async () => {
    const { bus, hosts, clients } = await startTwo({ mode });
    const heard = clients.map((client) => collect(client, "news"));
    ioOf(hosts[0]).emit("news", 1);
    await expect.poll(() => heard.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
    await settled(hosts);
    expect(heard.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
    expect(bus.published.filter(({ bytes }) => bytes.includes("news"))).toHaveLength(1);
  });

  test("an event that is local, or of no other host's interest, stays", async () => {
    const { bus, hosts, clients } = await startTwo({ mode });
    const [mine] = clients;
    const heard = collect(mine, "news");
    const before = bus.published.length;
    ioOf(hosts[0]).local.emit("news", 1);
    await expect.poll(() => heard).toHaveLength(1);
    expect(bus.published.slice(before).filter(({ bytes }) => bytes.includes("news"))).toEqual([]);
  });

  test("a request crosses once, and is answered once by each host", async () => {
    const { bus, hosts } = await startTwo({ mode });
    const before = bus.published.length;
    expect(await ioOf(hosts[0]).fetchSockets()).toHaveLength(4);
    const crossed = bus.published.slice(before).filter(({ channel }) => !channel.startsWith("p-holdfast"));
    expect(crossed).toHaveLength(2);
  });

  test("workers answer serverSideEmit one by one, and are counted so", async () => {
    const { hosts } = await startTwo({ mode });
    for (const { workers } of hosts) for (const { io } of workers) io.on("ask", (ack) => ack("yes"));
    expect(await ioOf(hosts[0]).serverSideEmitWithAck("ask")).toEqual(["yes", "yes", "yes"]);
    expect(await ioOf(hosts[0]).of("/").adapter.serverCount()).toBe(4);
  });

  test("clients everywhere acknowledge, and of an empty room nobody is waited for", async () => {
    const { hosts, clients } = await startTwo({ mode });
    for (const [i, client] of clients.entries()) client.on("q", (ack) => ack(i));
    const answers = await ioOf(hosts[0]).timeout(5_000).emitWithAck("q");
    expect(answers.sort()).toEqual([0, 1, 2, 3]);
    expect(await ioOf(hosts[0]).to("nobody").timeout(5_000).emitWithAck("q")).toEqual([]);
  });

  test("an event that follows a join elsewhere finds who has joined", async () => {
    const { hosts, clients } = await startTwo({ mode });
    const heard = clients.map((client) => collect(client, "news"));
    ioOf(hosts[0]).socketsJoin("r");
    ioOf(hosts[0]).to("r").emit("news", 1);
    await expect.poll(() => heard.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
  });

  test("a host that says goodbye is waited for no more", async () => {
    const { hosts } = await startTwo({ mode });
    const [one, two] = hosts;
    await two.uplink.close();
    await expect.poll(() => one.uplink.status.hosts).toBe(1);
    expect(await ioOf(one).fetchSockets()).toHaveLength(2);
    expect(one.logged).toContainEqual(expect.objectContaining({ event: "host-left", why: "goodbye" }));
  });

  test("while Redis is away everything on the host goes on, and nobody waits for the others", async () => {
    const { hosts, clients } = await startTwo({ mode });
    const [one, two] = hosts;
    one.link.down();
    expect(one.uplink.status).toEqual({ state: "down", hosts: 1 });
    const heard = clients.map((client) => collect(client, "news"));
    ioOf(one).emit("news", 1);
    expect(await ioOf(one).fetchSockets()).toHaveLength(2);
    expect(await ioOf(one).of("/").adapter.serverCount()).toBe(2);
    expect(heard.map(({ length }) => length)).toEqual([1, 1, 0, 0]);
    one.link.up(true);
    await joined([one, two]);
    expect(await ioOf(one).fetchSockets()).toHaveLength(4);
    expect(one.logged).toContainEqual(expect.objectContaining({ event: "redis-gap" }));
  });

  test("what can be lost is counted from the start, at zero", async () => {
    const { hosts } = await startTwo({ mode });
    const { counters } = hosts[0].uplink;
    expect(counters).toMatchObject({ uplinkGaps: 0, uplinkMessagesMissed: 0, uplinkRequestsCutShort: 0 });
  });

  test("a request that is under way when Redis goes away gives what has come", async () => {
    const { hosts } = await startTwo({ mode });
    const [one, two] = hosts;
    two.workers[0]?.io.on("ask", () => one.link.down());
    one.workers[1]?.io.on("ask", (ack) => ack("here"));
    expect(await ioOf(one).serverSideEmitWithAck("ask")).toEqual(["here"]);
    expect(one.uplink.counters.uplinkRequestsCutShort).toBe(1);
  });

  test("what is lost on the way is counted and told", async () => {
    const { bus, hosts, clients } = await startTwo({ mode });
    const [one, two] = hosts;
    const heard = collect(clients[3] as Client, "news");
    ioOf(one).emit("news", 1);
    await expect.poll(() => heard).toHaveLength(1);
    bus.losing = true;
    for (let i = 0; i < 3; i++) ioOf(one).emit("news", "lost");
    await expect.poll(() => bus.published.filter(({ bytes }) => bytes.includes("lost"))).toHaveLength(3);
    bus.losing = false;
    ioOf(one).emit("news", 2);
    await expect.poll(() => heard).toEqual([[1], [2]]);
    expect(two.uplink.counters).toMatchObject({ uplinkGaps: 1, uplinkMessagesMissed: 3 });
    expect(two.logged).toContainEqual(expect.objectContaining({ event: "redis-gap", host: one.uid, count: 3 }));
  });

  test("what is too large to send is counted, reaches this host, and nobody waits for the others", async () => {
    const { hosts, clients } = await startTwo({ mode });
    const [one] = hosts;
    const heard = collect(clients[1] as Client, "news");
    const large = "x".repeat(2 * 1024 * 1024);
    ioOf(one).emit("news", large);
    await expect.poll(() => heard).toHaveLength(1);
    one.workers[1]?.io.on("ask", (_large, ack) => ack("here"));
    expect(await ioOf(one).serverSideEmitWithAck("ask", large)).toEqual(["here"]);
    expect(one.uplink.counters.uplinkTooLargeToSend).toBe(2);
  });

  test("namespaces and rooms that have gone leave nothing behind", async () => {
    const { hosts, clients } = await startTwo({ mode });
    const [one, two] = hosts;
    const before = [...one.link.channels].sort();
    const [client] = clients;
    const socket = one.workers[0]?.socketOf(client as Client);
    for (let i = 0; i < 1_000; i++) {
      one.workers[0]?.exchange.open(`/dyn-${i}`, SERVER);
      one.workers[1]?.exchange.open(`/dyn-${i}`, SERVER);
      void socket?.join(`r${i}`);
      one.workers[0]?.exchange.shut(`/dyn-${i}`, SERVER);
      one.workers[1]?.exchange.shut(`/dyn-${i}`, SERVER);
      void socket?.leave(`r${i}`);
    }
    expect(await ioOf(one).fetchSockets()).toHaveLength(4);
    await expect.poll(() => [...one.link.channels].sort()).toEqual(before);
    expect(one.uplink.counters).toMatchObject({ uplinkNamespaces: 1, uplinkRooms: 0, uplinkRequestsAsked: 0 });
    expect(two.uplink.counters).toMatchObject({ uplinkRequestsAnswered: 0 });
  });

  test("with a secret, hosts of another are not heard, and none is waited for", async () => {
    const bus = new Bus();
    const one = await startHost(bus, { mode, secret: "one" });
    const two = await startHost(bus, { mode, secret: "another" });
    await two.workers[0]?.connect();
    await expect.poll(() => one.uplink.counters.uplinkRefusedWrongSignature).toBeGreaterThan(0);
    expect(await ioOf(one).fetchSockets()).toEqual([]);
    expect(one.uplink.status.hosts).toBe(1);
    expect(one.logged).toContainEqual(expect.objectContaining({ event: "redis-refused", reason: "wrong-signature" }));
  });
});

test("a host that falls silent is dropped within ten seconds, and what it owed is given up", {
  timeout: 20_000,
}, async () => {
  const { hosts } = await startTwo({});
  const [one, two] = hosts;
  two.link.frozen = true;
  const startedAt = performance.now();
  const adapter = ioOf(one).of("/").adapter;
  const sockets = adapter.fetchSockets({ rooms: new Set(), except: new Set(), flags: { timeout: 15_000 } } as never);
  expect(await sockets).toHaveLength(2);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(one.logged).toContainEqual(expect.objectContaining({ event: "host-left", why: "silent" }));
});

describe.each(MODES)("a host that dies, %s,", (mode) => {
  test("is not waited for, nor counted", async () => {
    const { hosts } = await startTwo({ mode });
    const [one, two] = hosts;
    two.link.die();
    expect(await ioOf(one).fetchSockets()).toHaveLength(2);
    expect(await ioOf(one).of("/").adapter.serverCount()).toBe(2);
    expect(one.logged).toContainEqual(expect.objectContaining({ event: "host-left", why: "dead" }));
  });

  test("while it is asked is given up, within seconds", async () => {
    const { hosts } = await startTwo({ mode });
    const [one, two] = hosts;
    one.workers[1]?.io.on("ask", (ack) => ack("here"));
    two.workers[0]?.io.on("ask", () => two.link.die());
    const startedAt = performance.now();
    expect(await ioOf(one).serverSideEmitWithAck("ask")).toEqual(["here"]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });
});

test("in sharded mode a join has been heard of by Redis when it resolves", async () => {
  const { hosts, clients } = await startTwo({ mode: "sharded" });
  const [one] = hosts;
  await one.workers[0]?.socketOf(clients[0] as Client).join("r");
  expect(one.link.channels).toContain("p#/#r#");
});

test("in sharded mode a room's event goes to the hosts where it has a member", async () => {
  const { bus, hosts, clients } = await startTwo({ mode: "sharded" });
  const [one, two] = hosts;
  await two.workers[1]?.socketOf(clients[3] as Client).join("r");
  const heard = collect(clients[3] as Client, "news");
  ioOf(one).to("r").emit("news", 1);
  await expect.poll(() => heard).toEqual([[1]]);
  const events = bus.published.filter(({ bytes }) => bytes.includes("news"));
  expect(events.map(({ channel }) => channel)).toEqual(["p#/#r#"]);
});

const SERVER = { onBroadcast: () => {}, onTextRun: () => {}, onCommand: () => {}, onRequest: () => {} };

interface Two {
  readonly bus: Bus;
  readonly hosts: readonly [Host, Host];
  /** One on each worker: two of the first host, two of the second. */
  readonly clients: readonly [Client, Client, Client, Client];
}

async function startTwo(options: HostOptions): Promise<Two> {
  const bus = new Bus();
  const hosts = [await startHost(bus, options), await startHost(bus, options)] as const;
  const clients = await Promise.all(hosts.flatMap(({ workers }) => workers.map((worker) => worker.connect())));
  await joined(hosts);
  return { bus, hosts, clients: clients as unknown as Two["clients"] };
}

/** Each knows of all workers of the other. */
async function joined(hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) {
    await expect.poll(() => ioOf(host).of("/").adapter.serverCount()).toBe(2 * hosts.length);
  }
}

/** What was sent until now has been relayed. */
async function settled(hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) await ioOf(host).fetchSockets();
}

function ioOf({ workers }: Host) {
  const [worker] = workers;
  if (!worker) throw new Error("a host without workers");
  return worker.io;
}

function collect(client: Client, event: string): unknown[][] {
  const items: unknown[][] = [];
  client.on(event, (...args) => items.push(args));
  return items;
}
