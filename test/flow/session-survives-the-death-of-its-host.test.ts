import { expect, test } from "vitest";
import { clientOn, collect, type Socket } from "./support/client.js";
import { crossing, killHost, killPrimary } from "./support/host-death.js";
import { freePort } from "./support/free-port.js";
import { startHost, startHosts } from "./support/hosts.js";
import { firstOf, returningClientOn, upTo } from "./support/recovery.js";
import { startRedis } from "./support/redis.js";
import { startSwitchboard } from "./support/switchboard.js";

const ON = { app: "recovery.mjs", args: ["--recovery", "on"] };
const CLIENTS = 20;
const EVERY_MS = 5;

interface Heard {
  readonly client: Socket;
  readonly id: string | undefined;
  readonly said: ReturnType<typeof collect>;
  readonly hello: ReturnType<typeof collect>;
}

async function listen(client: Socket, i: number): Promise<Heard> {
  const heard = { client, id: client.id, said: collect(client, "said"), hello: collect(client, "hello") };
  await client.emitWithAck("join", ["everybody"]);
  await client.emitWithAck("set", { name: i });
  return heard;
}

function expectAsBefore(all: readonly Heard[], returns = 1): void {
  for (const [i, { client, id, hello }] of all.entries()) {
    expect(client.id).toBe(id);
    const greetings = hello.items.slice(-returns).map(([greeting]) => greeting as { rooms: string[] });
    for (const greeting of greetings) {
      expect(greeting).toMatchObject({ recovered: true, data: { name: i } });
      expect(greeting.rooms.sort()).toEqual([id, "everybody"].sort());
    }
  }
}

test("killed under 200 events a second, a host costs its clients nothing: they are on the other", {
  timeout: 120_000,
}, async () => {
  const redis = await startRedis();
  const [here, there] = await startHosts({ redis: redis.url, ...ON });
  await crossing([here, there]);
  const board = await startSwitchboard(here);
  const heard: Heard[] = [];
  for (let i = 0; i < CLIENTS; i++) heard.push(await listen(await returningClientOn(board, i % 2), i));
  const sender = await clientOn(there, 0);
  const bystander = await listen(await clientOn(there, 1), 99);
  let sent = 0;
  const talk = setInterval(() => sender.emit("say", "everybody", sent++), EVERY_MS);
  await heard[0]?.said.untilCount(100);
  board.sendTo(there);
  await killHost(here);
  await Promise.all(heard.map(({ hello }) => hello.untilCount(1, 20_000)));
  await heard[0]?.said.untilCount(sent + 100, 20_000);
  clearInterval(talk);
  await bystander.said.untilCount(sent, 10_000);
  await Promise.all(heard.map(({ said }) => said.untilCount(sent, 10_000)));
  for (const { said } of heard) expect(firstOf(said.items)).toEqual(upTo(sent));
  expectAsBefore(heard);
  expect((await there.status()).counters.recoveryRecovered).toBe(CLIENTS);
});

/** Its workers live on for a moment when their primary is killed alone, and their clients go on talking to them. */
test.each([
  ["a host", killHost],
  ["a primary", killPrimary],
] as const)(
  "what a client of %s has seen when that is killed, the others see too",
  { timeout: 120_000 },
  async (_, kill) => {
    const redis = await startRedis();
    const [here, there] = await startHosts({ redis: redis.url, ...ON });
    await crossing([here, there]);
    const board = await startSwitchboard(here);
    const heard: Heard[] = [];
    for (let i = 0; i < CLIENTS; i++) heard.push(await listen(await returningClientOn(board, i % 2), i));
    const bystander = await listen(await clientOn(there, 1), 99);
    const sender = await clientOn(here, 0);
    let sent = 0;
    const talk = setInterval(() => sender.emit("say", "everybody", sent++), EVERY_MS);
    await heard[0]?.said.untilCount(200);
    board.sendTo(there);
    await kill(here);
    clearInterval(talk);
    await Promise.all(heard.map(({ hello }) => hello.untilCount(1, 20_000)));
    expectAsBefore(heard);
    heard[0]?.client.emit("say", "everybody", "the end");
    for (const { said } of [...heard, bystander]) await said.until((items) => firstOf(items).includes("the end"));
    const all = firstOf(heard[0]?.said.items ?? []);
    expect(all).toEqual([...upTo(all.length - 1), "the end"]);
    for (const { said } of [...heard, bystander]) expect(firstOf(said.items)).toEqual(all);
  },
);

test("killed and started again, the primary of a single host costs its clients nothing", {
  timeout: 120_000,
}, async () => {
  const redis = await startRedis();
  const port = String(await freePort());
  const options = { redis: redis.url, app: ON.app, args: [...ON.args, "--port", port] };
  const first = await startHost(options);
  await crossing([first]);
  const heard: Heard[] = [];
  for (let i = 0; i < CLIENTS; i++) heard.push(await listen(await returningClientOn(first, i % 2), i));
  for (let i = 0; i < 50; i++) heard[0]?.client.emit("say", "everybody", i);
  await Promise.all(heard.map(({ said }) => said.untilCount(50, 20_000)));
  await killPrimary(first);
  await startHost(options);
  await Promise.all(heard.map(({ hello }) => hello.untilCount(1, 20_000)));
  for (let i = 50; i < 100; i++) heard[0]?.client.emit("say", "everybody", i);
  await Promise.all(heard.map(({ said }) => said.untilCount(100, 10_000)));
  for (const { said } of heard) expect(firstOf(said.items)).toEqual(upTo(100));
  expectAsBefore(heard);
});
