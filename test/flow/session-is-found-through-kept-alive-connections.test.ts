// B11, and the ways that a request takes to the worker of its session: what keeps connections alive needs no stickiness.
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import { beforeAll, expect, test } from "vitest";
import { onCleanup } from "./support/cleanup.js";
import { clientOn, connect, slotOf, upgraded } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { startNginx } from "./support/nginx.js";
import { openSession, sessionTarget, UNKNOWN_SESSION } from "./support/polling.js";

let host: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "remote.mjs", workers: 3 });
});

const PROXIED = (port: number) => `
  upstream holdfast { server ${new URL(host.url).host}; keepalive 32; }
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://holdfast;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 60s;
    }
  }`;

test("behind nginx with kept-alive connections every client finds its session, in thousands of requests", async () => {
  const nginx = await startNginx(PROXIED);
  const clients = await Promise.all(Array.from({ length: 12 }, () => connect(nginx, { transport: "polling" })));
  expect(new Set(clients.map(slotOf)).size).toBe(3);
  for (let round = 0; round < 100; round++) {
    const answers = await Promise.all(clients.map((client) => client.timeout(5_000).emitWithAck("echo", round)));
    expect(new Set(answers)).toEqual(new Set([round]));
  }
  expect(clients.every((client) => client.connected)).toBe(true);
});

test("behind nginx a client upgrades to WebSocket, whichever connection its upgrade comes on", async () => {
  const nginx = await startNginx(PROXIED);
  const clients = await Promise.all(Array.from({ length: 12 }, () => connect(nginx, { transport: "both" })));
  await Promise.all(clients.map((client) => upgraded(client)));
  const answers = await Promise.all(clients.map((client, i) => client.timeout(5_000).emitWithAck("echo", i)));
  expect(answers).toEqual(clients.map((_, i) => i));
});

test("one connection serves polls and posts of sessions in all workers", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onCleanup(() => agent.destroy());
  const sids = await Promise.all(Array.from({ length: 9 }, () => openSession(host)));
  for (const sid of sids) expect(await post(agent, sid, "40")).toBe("ok");
  for (const sid of sids) expect(await post(agent, sid, '420["echo","x"]')).toBe("ok");
  const unknown = `${sids[0]?.slice(0, 8)}${"a".repeat(12)}`;
  expect(await post(agent, unknown, "40")).toBe(UNKNOWN_SESSION);
});

test("a large event crosses from a connection of one worker to a session of another, whole, both ways", async () => {
  const elsewhere = await clientOn(host, 1);
  const client = await connect(host, { transport: "polling" });
  const data = createHash("sha256").update("x").digest("hex").repeat(10_000);
  expect(await client.timeout(10_000).emitWithAck("echo", data)).toBe(data);
  const bytes = Buffer.alloc(500_000, 7);
  expect(Buffer.compare(await client.timeout(10_000).emitWithAck("echo", bytes), bytes)).toBe(0);
  expect(elsewhere.connected).toBe(true);
});

test("a session whose worker was killed is refused at once, on connections old and new", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onCleanup(() => agent.destroy());
  const client = await clientOn(host, 2, { transport: "polling" });
  const sid = (client.io.engine as unknown as { id: string }).id;
  await post(agent, await openSession(host), "40");
  process.kill((await host.worker(2)).pid, "SIGKILL");
  await host.waitForLog("worker-exit");
  for (const each of [agent, new Agent()]) expect(await post(each, sid, "40")).toBe(UNKNOWN_SESSION);
  await host.worker(2);
  expect(await post(agent, sid, "40")).toBe(UNKNOWN_SESSION);
});

function post(agent: Agent, sid: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(host.url + sessionTarget(sid), { method: "POST", agent }, (response) => {
      response.setEncoding("utf8");
      response.toArray().then((chunks) => resolve(chunks.join("")), reject);
    });
    outgoing.on("error", reject).end(body);
  });
}
