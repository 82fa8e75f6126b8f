// docs/hosts.md, "Requests for another host's session": no load balancer needs to be sticky.
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../flow/support/cleanup.js";
import { eventually } from "../flow/support/eventually.js";
import type { Holdfast } from "../flow/support/holdfast.js";
import { joined, startHost, startHosts } from "../flow/support/hosts.js";
import {
  exchange,
  openSession,
  poll,
  post,
  sessionTarget,
  UNKNOWN_SESSION,
  upgradeSession,
} from "../flow/support/polling.js";
import { commandOf, descendantsOf, environmentOf, gone } from "../flow/support/process.js";
import { head, openRaw } from "../flow/support/raw.js";
import { type RedisServer, startRedis } from "../flow/support/redis.js";

const MODES = [
  ["a secret in Redis", []],
  ["a secret made of --redis-secret", ["--redis-secret", "hush"]],
] as const;

describe.each(MODES)("with %s", (_, args) => {
  let here: Holdfast;
  let there: Holdfast;

  beforeAll(async () => {
    const redis = await startRedis();
    [here, there] = await startHosts({ redis: redis.url, args: [...args] });
    await reaching(here, there);
    await reaching(there, here);
  });

  test("polls and posts are answered by the owner, on one kept-alive connection", async () => {
    const [a, b] = [await openSession(there), await openSession(here)];
    const connection = await openRaw(here);
    expect(await post(connection, a, "40")).toMatchObject({ status: 200, body: Buffer.from("ok") });
    expect(await post(connection, b, "40")).toMatchObject({ status: 200 });
    expect(String((await poll(connection, a)).body)).toMatch(/^40{"sid":/);
    expect(String((await poll(connection, b)).body)).toMatch(/^40{"sid":/);
  });

  test("an upgrade is carried through, both ways", async () => {
    const sid = await openSession(there);
    const client = await upgradeSession(here, sid);
    const text = "x".repeat(500_000);
    expect(await exchange(client, `420["echo","${text}"]`)).toBe(`430["${text}"]`);
  });
});

describe("of hosts that share a secret in Redis", () => {
  let redis: RedisServer;
  let hosts: [Holdfast, Holdfast];

  beforeEach(async () => {
    redis = await startRedis();
    hosts = await startHosts({ redis: redis.url, app: "seen-address.mjs" });
    await reaching(...hosts);
    await reaching(hosts[1], hosts[0]);
  });

  test("the app sees the client's address, and nobody can make one up", async () => {
    const [here, there] = hosts;
    const seen = async (host: Holdfast, sid: string, headers = {}) => {
      const { hostname, port } = new URL(host.url);
      const connection = await openRaw({ host: hostname, port: Number(port), localAddress: "127.0.0.9" } as never);
      connection.write(head(`POST ${sessionTarget(sid)} HTTP/1.1`, { host: "a", "content-length": 2, ...headers }));
      connection.write("40");
      return (await connection.response()).headers["x-seen"];
    };
    expect(await seen(here, await openSession(there))).toBe("127.0.0.9");
    const lie = { "x-holdfast-forwarded": `${"A".repeat(16)} ${"A".repeat(43)} 192.0.2.1 1 IPv4` };
    expect(await seen(there, await openSession(there), lie)).toBe("127.0.0.9");
    await there.waitForStatus(({ counters }) => counters.workerDroppedForwardedRefused === 1);
    await here.waitForStatus(({ counters }) => (counters.workerForwardedToHost ?? 0) > 1);
    await there.waitForStatus(({ counters }) => (counters.workerTakenFromHost ?? 0) > 1);
  });

  test("a host that is killed takes its own sessions along, at once, and no other", async () => {
    const [here, there] = hosts;
    const [lost, kept] = [await openSession(there), await openSession(here)];
    there.signal("SIGKILL");
    await there.exited;
    await eventually(
      async () => String((await post(await openRaw(here), lost, "40")).body),
      (body) => body === UNKNOWN_SESSION,
      { withinMs: 2_000, what: "the session to be unknown" },
    );
    expect((await post(await openRaw(here), kept, "40")).status).toBe(200);
  });

  test("while Redis is away requests are brought all the same", async () => {
    const [here, there] = hosts;
    const sid = await openSession(there);
    await redis.kill();
    for (const host of hosts) await host.waitForStatus((seen) => seen.redis.state === "down");
    // Company ends after eight seconds of silence.
    await pause(9_000);
    expect((await post(await openRaw(here), sid, "40")).status).toBe(200);
  });

  test("a host that comes later has the secret of those that are there, also from a Redis that lost it", async () => {
    await redis.cli("flushall");
    const third = await startHost({ redis: redis.url });
    await joined([...hosts, third]);
    for (const host of hosts) {
      await reaching(third, host);
      await reaching(host, third);
    }
    expect(await redis.cli("exists", "socket.io-holdfast-secret")).toMatch(/1/);
  });

  test("the secret stands in no environment, on no command line and in no log", async () => {
    const secret = (await redis.cli("get", "socket.io-holdfast-secret")).trim();
    expect(secret).toMatch(/^[\w-]{43}$/);
    for (const host of hosts) {
      for (const pid of [host.pid, ...descendantsOf(host.pid)]) {
        expect(JSON.stringify(environmentOf(pid)) + commandOf(pid)).not.toContain(secret);
      }
      expect(host.stdout + host.stderr + JSON.stringify(await host.status())).not.toContain(secret);
    }
  });
});

test("a host that listens at a path tells once that it cannot be reached, and is when it says where", async () => {
  const redis = await startRedis();
  const path = join(temporaryDirectory(), "s");
  const at = (...args: string[]) =>
    startHost({ redis: redis.url, args: ["--listen", `unix:${path}${args.length}`, ...args] });
  const silent = await at();
  expect(silent.lines.filter(({ event }) => event === "advertise-none")).toHaveLength(1);
  const telling = await at("--advertise", "10.0.0.7:3000");
  expect(await telling.waitForLog("advertise")).toMatchObject({ url: "http://10.0.0.7:3000" });
});

test("two hosts that announce one address are told", async () => {
  const redis = await startRedis();
  const hosts = await startHosts({ redis: redis.url, args: ["--advertise", "10.0.0.7:3000"] });
  await Promise.any(hosts.map((host) => host.waitForLog("advertise-clash")));
});

test("a worker that drains ends the upgraded connections that it carries, and is gone long before its time is up", async () => {
  const redis = await startRedis();
  const [here, there] = await startHosts({ redis: redis.url, args: ["--drain-timeout", "60s"] });
  await reaching(here, there);
  const client = await upgradeSession(here, await openSession(there));
  const closed = once(client, "close");
  const before = await here.workers();
  here.signal("SIGHUP");
  await gone(
    before.map(({ pid }) => pid),
    30_000,
  );
  await closed;
});

/** Sessions of `there` are known to every worker of `here`. */
async function reaching(here: Holdfast, there: Holdfast): Promise<void> {
  const sid = await openSession(there);
  await eventually(
    async () => (await post(await openRaw(here), sid, "40")).status,
    (status) => status === 200,
    { what: "a post to the other host's session" },
  );
}
