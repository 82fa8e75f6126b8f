// A burst crosses as one message where all servers are Holdfast's, and event by event where another one hears it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientOn, collect, connect, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { startHosts } from "./support/hosts.js";
import { startPlainMember } from "./support/plain-member.js";
import { type RedisServer, startRedis } from "./support/redis.js";
import { fence, io, runAll } from "./support/remote.js";

const APP = "conformance.mjs";
const BURST = 20;
/** Redis is asked every ten seconds whether other servers have gone. */
const NOTICED_MS = 20_000;

let redis: RedisServer;
let hosts: [Holdfast, Holdfast];
let clients: [Socket, Socket, Socket];
let sent = 0;

beforeAll(async () => {
  redis = await startRedis();
  hosts = await startHosts({ app: APP, redis: redis.url });
  clients = [await clientOn(hosts[0], 0), await clientOn(hosts[0], 1), await clientOn(hosts[1], 1)];
});

afterAll(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await redis.stop();
});

test("a burst between Holdfast hosts is one message", async () => {
  const heard = clients.map((client) => collect(client, "news"));
  await becomesWhole();
  await fence(clients[0], clients);
  expect(heard.map(({ items }) => items)).toEqual(clients.map(() => allUpTo(sent)));
});

test("a plain server that comes and goes under bursts hears each event once, in order, and so does everybody else", async () => {
  const heard = clients.map((client) => collect(client, "news"));
  const from = sent;
  let isOver = false;
  const talk = (async () => {
    while (!isOver) await burst();
  })();
  const plain = await startPlainMember({ app: APP, slot: 7, mode: "classic", redis: [redis.url] });
  const listener = await connect(plain);
  const overheard = collect(listener, "news");
  await overheard.untilCount(BURST * 10);
  isOver = true;
  await talk;
  await fence(clients[0], [...clients, listener]);
  const [first] = overheard.items[0] as [number];
  expect(overheard.items).toEqual(allUpTo(sent).slice(first));
  listener.disconnect();
  await plain.stop();
  await becomesWhole();
  await fence(clients[0], clients);
  expect(heard.map(({ items }) => items)).toEqual(clients.map(() => allUpTo(sent).slice(from)));
});

function burst(): Promise<unknown> {
  return runAll(clients[0], ...Array.from({ length: BURST }, () => io.emit("news", sent++)));
}

/** Redis is given fewer messages than there are events. */
async function becomesWhole(): Promise<void> {
  const published = async () =>
    Number(/cmdstat_publish:calls=(\d+)/.exec(await redis.cli("info", "commandstats"))?.[1]);
  const messagesOfABurst = async () => {
    const before = await published();
    await burst();
    await fence(clients[0], clients);
    return (await published()) - before;
  };
  await eventually(messagesOfABurst, (messages) => messages < BURST / 2, { withinMs: NOTICED_MS });
}

function allUpTo(count: number): number[][] {
  return Array.from({ length: count }, (_, i) => [i]);
}
