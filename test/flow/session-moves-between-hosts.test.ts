import { expect, test } from "vitest";
import { clientOn, collect, connect, disconnected, open, type Socket } from "./support/client.js";
import { within } from "./support/eventually.js";
import { startHosts } from "./support/hosts.js";
import { crossing } from "./support/host-death.js";
import { back, drop, firstOf, returningClientOn, sessionOf, upTo } from "./support/recovery.js";
import { startPlainMember } from "./support/plain-member.js";
import { type RedisServer, startRedis } from "./support/redis.js";
import { startSwitchboard } from "./support/switchboard.js";

const APP = "recovery.mjs";
const EVERY_MS = 5;

async function startCrossing(redis: RedisServer, args: readonly string[] = []) {
  const hosts = await startHosts({ redis: redis.url, app: APP, args: ["--recovery", "on", ...args] });
  await crossing(hosts);
  return hosts;
}

function connected(client: Socket): Promise<Socket> {
  return within(new Promise((resolve) => client.once("connect", () => resolve(client))), 10_000, "a connection");
}

test.each([[[]], [["--redis-secret", "x".repeat(40)]]])(
  "a client that comes to another host while its own lives has its session there (%j)",
  {
    timeout: 90_000,
  },
  async (args) => {
    const [here, there] = await startCrossing(await startRedis(), args);
    const client = await clientOn(here, 0);
    const said = collect(client, "said");
    const far = await clientOn(there, 1);
    await client.emitWithAck("join", ["r"]);
    await client.emitWithAck("set", { name: "ada" });
    far.emit("say", "r", 0);
    await said.untilCount(1);
    const [session, { id }, ended] = [sessionOf(client), client, disconnected(client)];
    far.emit("say", "r", 1);
    const moved = open(there, { options: { auth: session } });
    const [hello, missed] = [collect(moved, "hello"), collect(moved, "said")];
    await connected(moved);
    expect(moved.id).toBe(id);
    await ended;
    await hello.untilCount(1);
    expect(hello.items[0]?.[0]).toMatchObject({ recovered: true, data: { name: "ada" } });
    const [[greeting]] = hello.items as [[{ rooms: string[] }]];
    expect(greeting.rooms.sort()).toEqual([id, "r"].sort());
    far.emit("say", "r", 2);
    await missed.untilCount(2);
    expect(firstOf(missed.items)).toEqual([1, 2]);
    expect((await here.status()).counters).toMatchObject({ recoveryHandedOver: 1 });
    expect((await here.status()).recovery.sessions).toBe(0);
  },
);

test("clients that a balancer sends to and fro under traffic of both hosts miss nothing", {
  timeout: 120_000,
}, async () => {
  const [here, there] = await startCrossing(await startRedis());
  const board = await startSwitchboard(here);
  const clients: Socket[] = [];
  for (let i = 0; i < 10; i++) clients.push(await returningClientOn(board, i % 2));
  const ids = clients.map(({ id }) => id);
  await Promise.all(clients.map((client) => client.emitWithAck("join", ["everybody"])));
  const heard = clients.map((client) => collect(client, "said"));
  const senders = [await clientOn(here, 0), await clientOn(there, 1), await clientOn(here, 1)];
  const sent = senders.map(() => 0);
  const talk = setInterval(() => {
    for (const [i, sender] of senders.entries()) {
      sender.emit("say", "everybody", i, sent[i]);
      sent[i] = (sent[i] as number) + 1;
    }
  }, EVERY_MS);
  for (const next of [there, here, there, there, here]) {
    await heard[0]?.untilCount((heard[0]?.items.length ?? 0) + 60);
    board.sendTo(next);
    const returned = clients.map((client) => back(client, 30_000));
    for (const client of clients) drop(client);
    expect(await Promise.all(returned)).toEqual(clients.map(() => true));
  }
  clearInterval(talk);
  const total = () => sent.reduce((sum, each) => sum + each, 0);
  await Promise.all(heard.map((said) => said.untilCount(total(), 10_000)));
  for (const { items } of heard) {
    for (const i of senders.keys()) {
      expect(items.filter(([from]) => from === i).map(([, number]) => number)).toEqual(upTo(sent[i] as number));
    }
  }
  expect(clients.map(({ id }) => id)).toEqual(ids);
});

test("of two hosts that are asked for one session at once, one gives it", { timeout: 90_000 }, async () => {
  const redis = await startRedis();
  const hosts = await startHosts({ redis: redis.url, hosts: 3, app: APP, args: ["--recovery", "on"] });
  await crossing(hosts);
  const [here, ...others] = hosts;
  for (let round = 0; round < 5; round++) {
    const client = await clientOn(here, 0);
    const [auth, id] = [sessionOf(client), client.id];
    const both = others.map((host) => open(host, { options: { auth } }));
    await Promise.all(both.map(connected));
    expect(both.filter((each) => each.id === id)).toHaveLength(1);
    for (const each of both) each.disconnect();
  }
});

test("a client whose host is stopped finds its session on the other", { timeout: 90_000 }, async () => {
  const [here, there] = await startCrossing(await startRedis());
  const board = await startSwitchboard(here);
  const client = await returningClientOn(board, 0);
  const said = collect(client, "said");
  await client.emitWithAck("join", ["r"]);
  const returned = back(client, 30_000);
  board.sendTo(there);
  const far = await clientOn(there, 1);
  const stopped = here.stop();
  far.emit("say", "r", 0);
  expect(await returned).toBe(true);
  await stopped;
  far.emit("say", "r", 1);
  await said.untilCount(2);
  expect(firstOf(said.items)).toEqual([0, 1]);
});

test("with Redis away a client is new on another host, and has its session on its own", {
  timeout: 90_000,
}, async () => {
  const redis = await startRedis();
  const [here, there] = await startCrossing(redis);
  const [moving, staying] = [await clientOn(here, 0), await returningClientOn(here, 1)];
  await redis.kill();
  for (const host of [here, there]) await host.waitForStatus(({ recovery }) => recovery.mode === "host");
  const moved = await connected(open(there, { options: { auth: sessionOf(moving) } }));
  expect(moved.id).not.toBe(moving.id);
  const returned = back(staying);
  drop(staying);
  expect(await returned).toBe(true);
  expect((await there.status()).counters["recoveryRefused-unreachable"]).toBe(1);
});

test("what a plain server sent while its client was away makes it new on another host", {
  timeout: 90_000,
}, async () => {
  const redis = await startRedis();
  const [here, there] = await startCrossing(redis);
  const plain = await connect(await startPlainMember({ app: "recovery.mjs", mode: "classic", redis: [redis.url] }));
  const client = await clientOn(here, 0);
  const said = collect(client, "said");
  await client.emitWithAck("join", ["r"]);
  plain.emit("say", "r", 0);
  await said.untilCount(1);
  const [session, id] = [sessionOf(client), client.id];
  drop(client);
  const near = await clientOn(there, 0);
  const others = collect(near, "said");
  await near.emitWithAck("join", ["r"]);
  plain.emit("say", "r", 1);
  await others.untilCount(1);
  const moved = await connected(open(there, { options: { auth: session } }));
  expect(moved.id).not.toBe(id);
  expect((await there.status()).counters["recoveryRefused-outside"]).toBe(1);
});
