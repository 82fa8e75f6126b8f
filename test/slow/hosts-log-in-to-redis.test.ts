// E17, E18: passwords, permissions and certificates, at start and at run time; and the ACL of docs/security.md.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clientOn, open, received, type Socket } from "../flow/support/client.js";
import { ROOT } from "../flow/support/command.js";
import { eventually } from "../flow/support/eventually.js";
import { startExpectingExit, startHoldfast } from "../flow/support/holdfast.js";
import { crossing } from "../flow/support/host-death.js";
import { joined, startHosts } from "../flow/support/hosts.js";
import { environmentOf } from "../flow/support/process.js";
import { sessionOf } from "../flow/support/recovery.js";
import { startRedis } from "../flow/support/redis.js";
import { fence, io, run, socket } from "../flow/support/remote.js";

const SECRET = "s3cret-of-the-test";

describe("over TLS with a private CA", () => {
  test("hosts are joined, also when Redis asks for a certificate", async () => {
    const redis = await startRedis({ tls: true });
    const { caFile, client } = redis.tls as NonNullable<typeof redis.tls>;
    const args = ["--redis-ca", caFile, "--redis-cert", client.certFile, "--redis-key", client.keyFile];
    await expectJoined(await startHosts({ redis: redis.url, args }));
  });

  test.each([
    ["of another name", { names: ["DNS:elsewhere.example"] }],
    ["that has expired", { expired: true }],
  ])("a certificate %s is refused", async (_, tls) => {
    const redis = await startRedis({ tls });
    const { caFile, client } = redis.tls as NonNullable<typeof redis.tls>;
    const args = ["--redis-ca", caFile, "--redis-cert", client.certFile, "--redis-key", client.keyFile];
    const { code, stdout, stderr } = await startExpectingExit({ args: ["--redis", redis.url, ...args] });
    expect(code).toBe(78);
    expect(stdout + stderr).toMatch(/certificate/i);
  });

  test("a certificate of an unknown CA is refused", async () => {
    const redis = await startRedis({ tls: true });
    const { code, stdout, stderr } = await startExpectingExit({ args: ["--redis", redis.url] });
    expect(code).toBe(78);
    expect(stdout + stderr).toMatch(/certificate/i);
  });
});

describe("at start", () => {
  test("a wrong password ends it with Redis' words, and without the password", async () => {
    const redis = await startRedis({ args: ["--requirepass", SECRET] });
    const args = ["--redis", `redis://:wrong-${SECRET}@127.0.0.1:${redis.port}`];
    const { code, stdout, stderr } = await startExpectingExit({ args });
    expect(code).toBe(78);
    expect(stdout + stderr).toContain("WRONGPASS");
    expect(stdout + stderr).not.toContain(SECRET);
  });

  test.each(["classic", "sharded"])("a user without permission ends it with Redis' words, %s", async (mode) => {
    const acl = ["user default off", `user app on >${SECRET} resetchannels &other* +@all`];
    const redis = await startRedis({ acl });
    const args = ["--redis", `redis://app:${SECRET}@127.0.0.1:${redis.port}`, "--redis-mode", mode];
    const { code, stdout, stderr } = await startExpectingExit({ args });
    expect(code).toBe(78);
    expect(stdout + stderr).toContain("NOPERM");
    expect(stdout + stderr).not.toContain(SECRET);
  });
});

test("a user that is turned off meanwhile costs a line in ten seconds, until it is turned on", async () => {
  const redis = await startRedis({ acl: ["user default off", `user app on >${SECRET} allchannels +@all`] });
  const hosts = await startHosts({ redis: `redis://app:${SECRET}@127.0.0.1:${redis.port}` });
  const from = hosts[0].lines.length;
  await redis.cli("acl", "setuser", "app", "off");
  await redis.cli("client", "kill", "user", "app");
  await hosts[0].waitForStatus((status) => status.redis.state === "down");
  const near = await clientOn(hosts[0], 0);
  const event = received(near, "news");
  await run(near, io.emit("news", 1));
  expect(await event).toEqual([1]);
  const down = await hosts[0].status();
  await hosts[0].waitForStatus(({ uptimeMs }) => uptimeMs > down.uptimeMs + 7_000);
  const said = hosts[0].lines.slice(from).filter((line) => /redis/i.test(JSON.stringify(line)));
  expect(said.length).toBeLessThanOrEqual(3);
  await redis.cli("acl", "setuser", "app", "on");
  await joined(hosts);
  await fence(near, [await clientOn(hosts[1], 0)]);
  for (const host of hosts)
    expect(host.stdout + host.stderr + JSON.stringify(await host.status())).not.toContain(SECRET);
});

test.each(["classic", "sharded"] as const)("the ACL of docs/security.md is enough, %s", async (mode) => {
  const redis = await startRedis({ acl: ["user default off", aclOfTheDocs()] });
  await expectJoined(await startHosts({ redis: `redis://holdfast:${SECRET}@127.0.0.1:${redis.port}`, mode }));
  expect(await redis.cli("acl", "log")).toBe("");
  const keys = redis.cli("--user", "holdfast", "--pass", SECRET, "--no-auth-warning", "set", "key", "value");
  await expect(keys).rejects.toThrow("NOPERM");
});

test("the ACL of docs/security.md is enough for sessions that cross hosts", async () => {
  const redis = await startRedis({ acl: ["user default off", aclOfTheDocs()] });
  const url = `redis://holdfast:${SECRET}@127.0.0.1:${redis.port}`;
  const [here, there] = await startHosts({ redis: url, args: ["--recovery", "on"] });
  await crossing([here, there]);
  const client = await clientOn(here, 0);
  const { id } = client;
  const moved = open(there, { options: { auth: sessionOf(client) } });
  await eventually(
    async () => moved.id,
    (now) => now === id,
    { what: "the session on the other host" },
  );
  expect(await redis.cli("acl", "log")).toBe("");
});

test("workers are forked without what the environment says of Redis, but for what an app may go by", async () => {
  const redis = await startRedis({ args: ["--requirepass", SECRET] });
  const env = {
    HOLDFAST_REDIS: `redis://:${SECRET}@127.0.0.1:${redis.port}`,
    HOLDFAST_REDIS_SECRET: `other-${SECRET}`,
    REDIS_URL: "redis://of-the-app",
  };
  const host = await startHoldfast({ workers: 1, env });
  await host.waitForStatus((status) => status.redis.state === "ready");
  const environment = environmentOf((await host.worker(0)).pid);
  expect(environment).toContain("REDIS_URL=redis://of-the-app");
  expect(environment.join()).not.toContain(SECRET);
});

test("over a Unix socket hosts are joined", async () => {
  const redis = await startRedis({ unixSocket: true });
  await expectJoined(await startHosts({ redis: redis.url }));
});

async function expectJoined(hosts: Awaited<ReturnType<typeof startHosts<2>>>): Promise<void> {
  const [near, far] = (await Promise.all(hosts.map((host) => clientOn(host, 0)))) as [Socket, Socket];
  await run(far, socket.join("room"));
  const event = received(far, "news");
  await run(near, io.to("room").emit("news", Buffer.from("b")));
  expect(await event).toEqual([Buffer.from("b")]);
  expect(await run(near, io.fetchSockets())).toHaveLength(2);
}

/** The line as it stands in the docs, with the test's password. */
function aclOfTheDocs(): string {
  const text = readFileSync(join(ROOT, "docs/security.md"), "utf8");
  const line = /^ *(user holdfast .*)$/m.exec(text)?.[1];
  if (line === undefined) throw new Error("docs/security.md has no line `user holdfast …`");
  return line.replace(/>\S+/, `>${SECRET}`);
}
