// E12–E15: whatever is published on the channels of hosts, none ends, none decodes more than it was sent, and with
// --redis-secret nobody else commands.
import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { clientsOnEach, collect, received, type Socket } from "../flow/support/client.js";
import { eventually } from "../flow/support/eventually.js";
import type { Holdfast } from "../flow/support/holdfast.js";
import { joined, startHosts } from "../flow/support/hosts.js";
import { joinAsOutsider, type Outsider } from "../flow/support/outsider.js";
import { rssBytes } from "../flow/support/process.js";
import { type RedisServer, startRedis } from "../flow/support/redis.js";
import { fence, io, run, socket } from "../flow/support/remote.js";

const MB = 1024 * 1024;
const opts = { rooms: [], except: [], flags: {} };
const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

/** A broadcast as msgpack, around the bytes of its arguments. */
const broadcastOf = (data: Buffer) =>
  Buffer.concat([
    Buffer.from([0x93, 0xa5]),
    Buffer.from("alien"),
    Buffer.from([0x83, 0xa4]),
    Buffer.from("type"),
    Buffer.from([0x02, 0xa4]),
    Buffer.from("data"),
    data,
    Buffer.from([0xa3]),
    Buffer.from("nsp"),
    Buffer.from([0xa1, 0x2f, 0x82, 0xa5]),
    Buffer.from("rooms"),
    Buffer.from([0x90, 0xa6]),
    Buffer.from("except"),
    Buffer.from([0x90]),
  ]);

const malformed: Record<string, Buffer | string> = {
  nothing: "",
  "a byte that msgpack never uses": Buffer.from([0xc1]),
  "a number": Buffer.from([5]),
  null: Buffer.from([0xc0]),
  "an array that has no packet": Buffer.from([0x91, 0xa1, 0x61]),
  "an array of the wrong things": Buffer.from([0x93, 0xc0, 0xc0, 0xc0]),
  "an end too early": Buffer.from([0x93, 0xa5, 0x61]),
  "an array that claims 20,000,000 elements": Buffer.from([0xdd, 0x01, 0x31, 0x2d, 0x00]),
  "three such arrays": Buffer.from("dd01312d00dd01312d00dd01312d00", "hex"),
  "an extension that claims 64 MB": Buffer.from([0xc9, 0x04, 0, 0, 0, 0]),
  "text that claims 4 GB": Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
  "bytes that claim 4 GB": Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff]),
  "a map that claims 4 billion keys": Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
  "20,000 arrays in each other": Buffer.alloc(20_000, 0x91),
  "such arrays as arguments": broadcastOf(Buffer.concat([Buffer.alloc(20_000, 0x91), Buffer.from([0xc0])])),
  "arguments that claim 20,000,000 elements": broadcastOf(Buffer.from([0xdd, 0x01, 0x31, 0x2d, 0x00])),
  "arguments that are no array": broadcastOf(Buffer.from([0xc0])),
  "an event without a name": broadcastOf(Buffer.from([0x90])),
  "an event that ends connections": broadcastOf(Buffer.from([0x91, 0xaa, ...Buffer.from("disconnect")])),
  "the servers' own event connection": '{"uid":"x","type":6,"data":["connection",{"id":"x"}]}',
  "the servers' own event new_namespace": '{"uid":"x","requestId":"y","type":6,"data":["new_namespace",5]}',
  "an error that nobody listens to": '{"uid":"x","type":6,"data":["error","x"]}',
  "a date of an extension": broadcastOf(Buffer.from([0x92, 0xa1, 0x78, 0xd7, 0x00, 1, 2, 3, 4, 5, 6, 7, 8])),
  "JSON that is no object": "[]",
  "JSON that ends too early": '{"type":',
  "a type that is none": '{"type":5}',
  "a type that nobody knows": '{"type":99,"uid":"x","requestId":"y"}',
  "a type that is text": '{"type":"__proto__"}',
  "a join without options": '{"type":2,"rooms":["x"]}',
  "a join of wrong options": '{"type":2,"opts":{"rooms":5,"except":{}},"rooms":7}',
  "a request to fetch that names rooms by a number":
    '{"uid":"x","requestId":"y","type":5,"opts":{"rooms":1e9,"except":[]}}',
  "an emit that is no list": '{"uid":"x","type":6,"data":5}',
  "a packet of no kind": '{"uid":"x","requestId":"y","type":7,"packet":5,"opts":{}}',
  "deep JSON": `{"uid":"x","requestId":"y","type":6,"data":["server-slot",${deep(20_000)}]}`,
  "a prototype": '{"__proto__":{"type":2},"uid":"x","opts":{"rooms":[],"except":[]},"rooms":["x"]}',
};

describe.each(["classic", "sharded"] as const)("%s", (mode) => {
  let redis: RedisServer;
  let hosts: readonly Holdfast[];
  let clients: readonly Socket[];
  let outsider: Outsider;
  beforeAll(async () => {
    redis = await startRedis();
    hosts = await startHosts({ redis: redis.url, mode });
    clients = (await Promise.all(hosts.map((host) => clientsOnEach(host, [0, 1])))).flat();
    outsider = await joinAsOutsider(redis, { mode });
  });

  test.each(Object.entries(malformed))("%s harms nobody", async (_, message) => {
    const before = hosts.map(({ pid }) => rssBytes(pid));
    const channels = [outsider.channel(), outsider.requestChannel(), outsider.responseChannel()];
    for (const channel of [...channels, `${outsider.channel()}room#`, "socket.io-holdfast#", "socket.io-holdfast#/#"]) {
      await outsider.publish(channel, message);
    }
    await fence(clients[0] as Socket, clients);
    await fence(clients[3] as Socket, clients);
    for (const [i, { pid }] of hosts.entries()) expect(rssBytes(pid) - (before[i] as number)).toBeLessThan(40 * MB);
    for (const host of hosts) expect((await host.status()).redis).toEqual({ state: "ready", hosts: 2 });
  });

  test("what was malformed is counted, and said at most once a second", async () => {
    const from = (hosts[0] as Holdfast).lines.length;
    const startedAt = performance.now();
    for (let i = 0; i < 200; i++) await outsider.publish(outsider.requestChannel(), Buffer.from([0xc1]));
    const { counters } = await (hosts[0] as Holdfast).waitForStatus((status) => refused(status.counters) >= 200);
    expect(refused(counters)).toBeGreaterThanOrEqual(200);
    const lines = (hosts[0] as Holdfast).lines.slice(from);
    expect(lines.length).toBeLessThanOrEqual(2 + (performance.now() - startedAt) / 1_000);
  });

  test("100 MB are dropped undecoded", async () => {
    // So that it is the host that drops it.
    await redis.cli("config", "set", "client-output-buffer-limit", "pubsub 512mb 512mb 60");
    const [host] = hosts as [Holdfast];
    const before = droppedOrMissed((await host.status()).counters);
    const huge = JSON.stringify({ uid: "x", type: 6, data: ["server-side", "x".repeat(100 * MB)] });
    const events = collect(clients[0] as Socket, "server-side");
    await outsider.publish(outsider.requestChannel(), huge);
    await host.waitForStatus(({ counters }) => droppedOrMissed(counters) > before, 30_000);
    await joined(hosts);
    await fence(clients[3] as Socket, clients);
    expect(events.items).toEqual([]);
  });
});

describe("an outsider's joins, leaves, disconnects and requests", () => {
  const disconnect = { type: 4, opts: { rooms: [], except: [] }, close: true };
  const join = { type: 2, opts: { rooms: [], except: [] }, rooms: ["joined by an outsider"] };
  const leave = { type: 3, opts: { rooms: [], except: [] }, rooms: ["r"] };
  const emit = { uid: "x", type: 6, data: ["server-side", "spoofed"] };
  const fetch = (requestId: string) => ({ uid: "x", requestId, type: 5, opts: { rooms: [], except: [] } });

  test("are obeyed without a secret: Redis is trusted", async () => {
    const { outsider, clients } = await withOutsider([]);
    await outsider.say(outsider.requestChannel(), join);
    await eventually(
      () => Promise.all(clients.map((client) => run<string[]>(client, socket.rooms))),
      (rooms) => rooms.every((names) => names.includes("joined by an outsider")),
    );
  });

  test("are refused and counted with one, and its events still pass", async () => {
    const { outsider, clients, hosts } = await withOutsider(["--redis-secret", "a-secret-of-at-least-some-length"]);
    for (const client of clients) await run(client, socket.join("r"));
    const events = clients.map((client) => collect(client, "server-side"));
    const requestId = randomUUID();
    for (const request of [join, leave, emit, fetch(requestId), disconnect]) {
      await outsider.say(outsider.requestChannel(), request);
    }
    for (const host of hosts) await host.waitForStatus(({ counters }) => refused(counters) >= 5);
    for (const client of clients) expect(await run(client, socket.rooms)).toEqual([client.id, "r"]);
    expect(events.map(({ items }) => items)).toEqual(clients.map(() => []));
    expect(outsider.responsesTo(requestId)).toEqual([]);
    const heard = clients.map((client) => received(client, "news"));
    await outsider.say(outsider.channel(), ["alien", { type: 2, data: ["news", 1], nsp: "/" }, opts], "msgpack");
    for (const event of heard) expect(await event).toEqual([1]);
    // Among themselves the hosts command as ever.
    expect(await run(clients[0] as Socket, io.fetchSockets())).toHaveLength(clients.length);
    await run(clients[0] as Socket, io.socketsJoin("signed"));
    await fence(clients[0] as Socket, clients);
    for (const client of clients) expect(await run(client, socket.rooms)).toContain("signed");
  });

  test("are refused when they are a host's own words, changed", async () => {
    const { outsider, clients, hosts } = await withOutsider(["--redis-secret", "a-secret-of-at-least-some-length"]);
    await run(clients[0] as Socket, io.in("nobody").socketsJoin("repeated"));
    await fence(clients[0] as Socket, clients);
    const said = await eventually(
      () => outsider.heard.find(({ bytes }) => bytes.includes("repeated")),
      (heard) => heard !== undefined,
    );
    // To the host that has said it, it is its own.
    const [, other] = hosts as [Holdfast, Holdfast];
    const before = refused((await other.status()).counters);
    const { channel, bytes } = said as NonNullable<typeof said>;
    const changed = Buffer.from(bytes.toString("latin1").replaceAll("nobody", "everyb"), "latin1");
    await outsider.publish(channel, changed);
    await other.waitForStatus(({ counters }) => refused(counters) > before);
  });

  async function withOutsider(args: readonly string[]) {
    const redis = await startRedis();
    const hosts = await startHosts({ redis: redis.url, args });
    const clients = (await Promise.all(hosts.map((host) => clientsOnEach(host, [0, 1])))).flat();
    const outsider = await joinAsOutsider(redis);
    return { hosts, clients, outsider };
  }
});

/** On a slow machine the connection that they come on is taken for dead before they are there, which is told as well. */
function droppedOrMissed(counters: Readonly<Record<string, number>>): number {
  return refused(counters) + (counters.uplinkGaps ?? 0);
}

/** What the host has not taken from Redis, whatever the reason. */
function refused(counters: Readonly<Record<string, number>>): number {
  const named = Object.entries(counters).filter(([name]) => name.startsWith("uplinkRefused"));
  return named.reduce((sum, [, count]) => sum + count, 0);
}
