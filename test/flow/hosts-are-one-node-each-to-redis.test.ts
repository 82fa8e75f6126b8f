// Redis' own counters say what hosts cost it: a broadcast is delivered once to each host, whatever its workers.
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { clientOn, clientsOnEach, received, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { startHosts } from "./support/hosts.js";
import { type RedisServer, startRedis } from "./support/redis.js";
import { io, run, socket } from "./support/remote.js";

const MESSAGES = 20;
/** So large that what else Redis says beside them does not count. */
const PAYLOAD_BYTES = 200_000;
/** Several rounds of what hosts tell each other every two seconds. */
const IDLE_MS = 8_000;

describe("three hosts of four workers", () => {
  test("get one copy each of a broadcast, and have three connections at most", async () => {
    const redis = await startRedis();
    const hosts = await startHosts({ hosts: 3, workers: 4, redis: redis.url });
    const clients = (await Promise.all(hosts.map((host) => clientsOnEach(host, [0, 1, 2, 3])))).flat();
    expect(await deliveriesOf(redis, clients, clients[0] as Socket, (bytes) => io.emit("news", bytes))).toBeLessThan(
      3.1,
    );
    expect((await redis.clients()).length).toBeLessThanOrEqual(9);
  });

  test("in sharded mode a room's message is delivered to the one host where the room lives", async () => {
    const redis = await startRedis();
    const hosts = await startHosts({ hosts: 3, workers: 4, redis: redis.url, mode: "sharded" });
    const sender = await clientOn(hosts[0], 0);
    const members = await clientsOnEach(hosts[1], [0, 1, 2, 3]);
    await clientsOnEach(hosts[2], [0, 1, 2, 3]);
    for (const member of members) await run(member, socket.join("room"));
    expect(await deliveriesOf(redis, members, sender, (bytes) => io.to("room").emit("news", bytes))).toBeLessThan(1.1);
  });
});

test("idle hosts say as much to Redis with eight workers as with one", async () => {
  const said = await Promise.all([1, 8].map(idleTraffic));
  const [one, eight] = said as [Traffic, Traffic];
  expect(one.commands).toBeGreaterThan(0);
  // Where a window of time ends, a round of two hosts more or less may fall within it.
  expect(eight.commands).toBeLessThanOrEqual(one.commands * 1.5);
  expect(eight.bytes).toBeLessThanOrEqual(one.bytes * 1.5);
});

/** By the bytes that Redis sends while the messages are under way: how often it sent each of them. */
async function deliveriesOf(
  redis: RedisServer,
  receivers: readonly Socket[],
  sender: Socket,
  call: (bytes: Buffer) => unknown,
): Promise<number> {
  const before = await bytesSentBy(redis);
  for (let i = 0; i < MESSAGES; i++) {
    const events = receivers.map((receiver) => received(receiver, "news"));
    await run(sender, call(Buffer.alloc(PAYLOAD_BYTES, i)));
    await Promise.all(events);
  }
  return ((await bytesSentBy(redis)) - before) / (MESSAGES * PAYLOAD_BYTES);
}

interface Traffic {
  readonly commands: number;
  readonly bytes: number;
}

async function idleTraffic(workers: number): Promise<Traffic> {
  const redis = await startRedis();
  const hosts = await startHosts({ workers, redis: redis.url });
  // Each worker serves somebody, and has its namespace open.
  const slots = Array.from({ length: workers }, (_, slot) => slot);
  for (const host of hosts) await clientsOnEach(host, slots);
  const [commands, bytes] = [await statistic(redis, "total_commands_processed"), await bytesSentBy(redis)];
  await pause(IDLE_MS);
  return {
    commands: (await statistic(redis, "total_commands_processed")) - commands,
    bytes: (await bytesSentBy(redis)) - bytes,
  };
}

function bytesSentBy(redis: RedisServer): Promise<number> {
  return statistic(redis, "total_net_output_bytes");
}

async function statistic(redis: RedisServer, name: string): Promise<number> {
  const text = await eventually(
    () => redis.cli("info", "stats"),
    (info) => info.includes(name),
  );
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(text)?.[1]);
}
