import { describe, expect, test } from "vitest";
import { clientOn, collect, open, type Socket } from "../flow/support/client.js";
import { eventually, within } from "../flow/support/eventually.js";
import { crossing, killHost } from "../flow/support/host-death.js";
import { startHost, startHosts } from "../flow/support/hosts.js";
import { back, firstOf, returningClientOn, sessionOf, upTo } from "../flow/support/recovery.js";
import { type RedisServer, startRedis } from "../flow/support/redis.js";
import { startSwitchboard } from "../flow/support/switchboard.js";

const OPTIONS = { app: "recovery.mjs", args: ["--recovery", "on"] };
const STEM = "socket.io-holdfast-recovery#";

const keysOf = async (redis: RedisServer, kind: string) =>
  (await redis.cli("keys", `${STEM}${kind}*`)).split("\n").filter((key) => key !== "");

function connected(client: Socket): Promise<Socket> {
  return within(new Promise((resolve) => client.once("connect", () => resolve(client))), 10_000, "a connection");
}

describe("what is in Redis is checked before it is used", () => {
  test.each([
    ["a record that is none", ["hset", "sessions", "garbage"]],
    ["a record that is cut short", ["hset", "sessions", "\u0001"]],
    ["a key of another kind", ["set", "sessions", "text"]],
    ["a log of another kind", ["set", "log", "text"]],
    ["an entry that is none", ["xadd", "log", "b", "garbage"]],
    ["an entry without a field that is known", ["xadd", "log", "other", "field"]],
    ["an entry far ahead", ["xadd", "log", "b", "far"]],
  ])(
    "%s costs its client at most its session, is counted and ends nobody",
    async (_, [command, kind, ...rest]) => {
      const redis = await startRedis();
      const [here, there] = await startHosts({ redis: redis.url, ...OPTIONS });
      await crossing([here, there]);
      const client = await clientOn(here, 0);
      const said = collect(client, "said");
      await client.emitWithAck("join", ["r"]);
      client.emit("say", "r", 0);
      await said.untilCount(1);
      const [session, id] = [sessionOf(client), client.id];
      const sessions = await keysOf(redis, "sessions");
      const owners = await Promise.all(sessions.map((key) => redis.cli("hexists", key, session.pid)));
      const owner = (sessions[owners.indexOf("1")] as string).split("#")[2];
      await killHost(here);
      const key = `${STEM}${kind}#${owner}`;
      if (command === "hset") await redis.cli("hset", key, session.pid, ...(rest as string[]));
      if (command === "set") await redis.cli("set", key, ...(rest as string[]));
      const entry = rest[1] === "far" ? "9007199254740990-1" : "1000000-1";
      if (command === "xadd") await redis.cli("xadd", key, entry, ...(rest as string[]));
      const moved = await connected(open(there, { options: { auth: session } }));
      const isEntry = command === "xadd";
      // The entry stands behind all that the client needs, so it may have its session back without it.
      if (!isEntry) expect(moved.id).not.toBe(id);
      const { counters, workers } = await there.status();
      const refused = counters.recoveryStoreRefused ?? 0;
      if (command !== "set") expect(refused).toBeGreaterThanOrEqual(1);
      expect(workers.every(({ restarts }) => restarts === 0)).toBe(true);
      expect(await (await clientOn(there, 1)).emitWithAck("echo", 1)).toBe(1);
    },
    60_000,
  );

  test("with a secret, what nobody has signed is nobody's session", { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const args = [...OPTIONS.args, "--redis-secret", "s".repeat(40)];
    const [here, there] = await startHosts({ redis: redis.url, ...OPTIONS, args });
    await crossing([here, there]);
    const [mine, other] = [await clientOn(here, 0), await clientOn(here, 1)];
    const [session, { pid }] = [sessionOf(mine), sessionOf(other)];
    const key = (await keysOf(redis, "sessions"))[0] as string;
    await eventually(
      () => redis.cli("hlen", key),
      (length) => length === "2",
      { what: "both records" },
    );
    await killHost(here);
    // The other's session under the own name: whoever may write to Redis could take it over.
    const script = "redis.call('hset', KEYS[1], ARGV[1], redis.call('hget', KEYS[1], ARGV[2]))";
    await redis.cli("eval", script, "1", key, session.pid, pid);
    const moved = await connected(open(there, { options: { auth: session } }));
    expect(sessionOf(moved).pid).not.toBe(session.pid);
    expect((await there.status()).counters.recoveryStoreRefused).toBe(1);
  });

  test("somebody else's entry in a host's own log costs that host nothing for long", { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const [here, there] = await startHosts({ redis: redis.url, ...OPTIONS, noise: /./ });
    await crossing([here, there]);
    const client = await clientOn(here, 0);
    const said = collect(client, "said");
    await client.emitWithAck("join", ["r"]);
    for (const key of await keysOf(redis, "log")) await redis.cli("xadd", key, "9007199254740990-1", "b", "far");
    await here.waitForStatus(({ counters }) => (counters.recoveryStoreFailures ?? 0) > 0);
    await crossing([here, there]);
    client.emit("say", "r", 0);
    await said.untilCount(1);
    const { id } = client;
    const moved = await connected(open(there, { options: { auth: sessionOf(client) } }));
    expect(moved.id).toBe(id);
  });
});

test("what is kept is bounded by --recovery-buffer, and by time where its host has gone", {
  timeout: 90_000,
}, async () => {
  const redis = await startRedis();
  const args = [...OPTIONS.args, "--recovery-buffer", "1mb", "--recovery-window", "1s"];
  const host = await startHost({ redis: redis.url, ...OPTIONS, args });
  await crossing([host]);
  const client = await clientOn(host, 0);
  const said = collect(client, "said");
  await client.emitWithAck("join", ["r"]);
  const text = "x".repeat(10_000);
  for (let i = 0; i < 600; i++) client.emit("say", "r", i, text);
  await said.untilCount(600, 20_000);
  const [log] = (await keysOf(redis, "log")) as [string];
  await eventually(
    () => redis.cli("memory", "usage", log),
    (bytes) => Number(bytes) < 3_000_000,
    { what: "its bound" },
  );
  client.disconnect();
  const [sessions] = (await keysOf(redis, "sessions")) as [string];
  await eventually(
    () => redis.cli("exists", sessions),
    (count) => count === "0",
    { what: "no record of who has gone" },
  );
  await killHost(host);
  for (const key of await keysOf(redis, "")) {
    const leftMs = Number(await redis.cli("pttl", key));
    expect({ key, isBounded: leftMs > 0 && leftMs <= 61_000 }).toEqual({ key, isBounded: true });
  }
});

test("a Redis that has forgotten everything is told it again", { timeout: 120_000 }, async () => {
  const redis = await startRedis();
  const [here, there] = await startHosts({ redis: redis.url, ...OPTIONS });
  await crossing([here, there]);
  const board = await startSwitchboard(here);
  const client = await returningClientOn(board, 0);
  const said = collect(client, "said");
  await client.emitWithAck("join", ["r"]);
  await client.emitWithAck("set", { name: "ada" });
  client.emit("say", "r", 0);
  await said.untilCount(1);
  await redis.kill();
  for (const host of [here, there]) await host.waitForStatus(({ recovery }) => recovery.mode === "host");
  client.emit("say", "r", 1);
  await said.untilCount(2);
  await redis.start();
  await crossing([here, there]);
  client.emit("say", "r", 2);
  await said.untilCount(3);
  const hello = collect(client, "hello");
  const returned = back(client, 20_000);
  board.sendTo(there);
  await killHost(here);
  expect(await returned).toBe(true);
  await hello.untilCount(1);
  expect(hello.items[0]?.[0]).toMatchObject({ recovered: true, data: { name: "ada" } });
  client.emit("say", "r", 3);
  await said.untilCount(4);
  expect(firstOf(said.items)).toEqual(upTo(4));
});

test("who has lost host and Redis is new, honestly", { timeout: 120_000 }, async () => {
  const redis = await startRedis();
  const [here, there] = await startHosts({ redis: redis.url, ...OPTIONS });
  await crossing([here, there]);
  const client = await clientOn(here, 0);
  const [session, id] = [sessionOf(client), client.id];
  await redis.kill();
  await killHost(here);
  await redis.start();
  await crossing([there]);
  const moved = await connected(open(there, { options: { auth: session } }));
  expect(moved.id).not.toBe(id);
  expect((await there.status()).counters["recoveryRefused-unknown"]).toBe(1);
});
