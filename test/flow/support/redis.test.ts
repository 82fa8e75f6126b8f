import { existsSync } from "node:fs";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { isAlive } from "./process.js";
import { startRedis, startRedisCluster, startRedisSentinel } from "./redis.js";

test("a server answers, can be paused, and is empty and on the same port after a restart", async () => {
  const redis = await startRedis({ args: ["--maxmemory", "10mb"] });
  expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
  await redis.cli("set", "key", "value");
  expect(await redis.cli("get", "key")).toBe("value");
  const { pid, port } = redis;
  redis.pause();
  redis.resume();
  await redis.restart();
  expect(isAlive(pid)).toBe(false);
  expect(redis.port).toBe(port);
  expect(await redis.cli("get", "key")).toBe("");
  expect(await redis.cli("config", "get", "maxmemory")).toContain("10485760");
});

test("an error reply is thrown, and so is a server that cannot start", async () => {
  const redis = await startRedis();
  await expect(redis.cli("nonsense")).rejects.toThrow(/unknown command/);
  await expect(startRedis({ args: ["--nonsense", "yes"] })).rejects.toThrow(/redis-server ended/);
});

test("a server with TLS asks for a certificate of its CA", async () => {
  const redis = await startRedis({ tls: true });
  expect(redis.url).toBe(`rediss://127.0.0.1:${redis.port}`);
  expect(await redis.cli("ping")).toBe("PONG");
  const expired = await startRedis({ tls: { expired: true } });
  expect(await expired.cli("ping")).toBe("PONG");
});

test("users are those of the test, and cli may do all", async () => {
  const redis = await startRedis({ acl: ["user default off", "user app on >secret ~* &* +@all"] });
  expect(await redis.cli("acl", "users")).toContain("app");
});

test("a server on a Unix socket has no port", async () => {
  const redis = await startRedis({ unixSocket: true });
  expect(existsSync(redis.url.replace("unix:", ""))).toBe(true);
  expect(await redis.cli("ping")).toBe("PONG");
  const refused = new Promise((resolve) => connect(redis.port, "127.0.0.1").on("error", resolve));
  expect(await refused).toMatchObject({ code: "ECONNREFUSED" });
});

test("a Cluster shares its slots, and a replica takes the place of its master", async () => {
  const { masters, replicas, urls } = await startRedisCluster(3, { replicas: 1 });
  expect(urls).toHaveLength(3);
  const [first, second] = masters as [(typeof masters)[0], (typeof masters)[0]];
  expect(await second.cli("cluster", "info")).toContain("cluster_slots_ok:16384");
  expect(await replicas[0]?.cli("role")).toContain(String(first.port));
});

test("Sentinels make the replica master when the master is gone", async () => {
  const { master, replica, failedOver, url } = await startRedisSentinel();
  expect(url).toMatch(/^redis\+sentinel:\/\/127.0.0.1:\d+,127.0.0.1:\d+,127.0.0.1:\d+\/holdfast-master$/);
  await master.kill();
  await failedOver();
  expect(await replica.cli("role")).toMatch(/^master/);
});
