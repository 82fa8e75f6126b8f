// B11, and the ways that a request takes to the worker of its session: what keeps connections alive needs no stickiness.
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import { beforeAll, describe, expect, test } from "vitest";
import { ownerOf } from "../../src/protocol/session-id.js";
import { onCleanup } from "../flow/support/cleanup.js";
import { clientOn, connect, slotOf, upgraded } from "../flow/support/client.js";
import { type Holdfast, startHoldfast } from "../flow/support/holdfast.js";
import { startNginx } from "../flow/support/nginx.js";
import {
  handshake,
  openSession,
  poll,
  pollHead,
  post,
  postHead,
  sessionTarget,
  UNKNOWN_SESSION,
} from "../flow/support/polling.js";
import { openRaw, type RawConnection } from "../flow/support/raw.js";
import { dialSecurely, startSecurely } from "../flow/support/tls.js";

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
  for (const sid of sids) expect(await postBy(agent, sid, "40")).toBe("ok");
  for (const sid of sids) expect(await postBy(agent, sid, '420["echo","x"]')).toBe("ok");
  const unknown = `${sids[0]?.slice(0, 8)}${"a".repeat(12)}`;
  expect(await postBy(agent, unknown, "40")).toBe(UNKNOWN_SESSION);
});

describe.each(["HTTP", "TLS"])("twelve sessions of all workers on one connection, by %s,", (kind) => {
  let open: () => Promise<RawConnection>;
  let sids: string[];
  let connection: RawConnection;

  beforeAll(async () => {
    const options = { app: "echo.mjs", workers: 4 };
    if (kind === "TLS") {
      const { server } = await startSecurely(options);
      let dialled = 0;
      // Each from an address of its own, or the primary would expect some of them at one worker.
      open = () => dialSecurely(server, { localAddress: `127.0.0.${++dialled + 1}` } as object);
    } else {
      const served = await startHoldfast(options);
      open = () => openRaw(served);
    }
    sids = await twelveOnAllWorkers(open);
    connection = await open();
    for (const sid of sids) expect(String((await post(connection, sid, "40")).body)).toBe("ok");
    for (const sid of sids) expect(String((await poll(connection, sid)).body)).toMatch(/^40\{"sid"/);
  });

  test("are each answered, turn by turn", async () => {
    for (let round = 0; round < 5; round++) {
      for (const sid of sids) expect(String((await post(connection, sid, asking(round, sid))).body)).toBe("ok");
      for (const sid of sids.toReversed()) expect(await answerOf(connection, sid)).toBe(`43${round}["${sid}"]`);
    }
  });

  test("are each answered, and in order, when all ask at once", async () => {
    for (let round = 0; round < 5; round++) {
      const posts = sids.map((sid) => postHead(sid, asking(round, sid).length) + asking(round, sid));
      connection.write(posts.join(""));
      for (const _ of sids) expect(String((await connection.response()).body)).toBe("ok");
      connection.write(sids.map(pollHead).join(""));
      for (const sid of sids) expect(String((await connection.response()).body)).toContain(`43${round}["${sid}"]`);
    }
  });

  test("are each answered, wherever a head is cut", async () => {
    const length = (postHead(sids[0] as string, 10) + asking(1, sids[0] as string)).length;
    for (let cut = 1; cut < length; cut++) {
      const sid = sids[cut % sids.length] as string;
      await connection.writeSplit(postHead(sid, asking(1, sid).length) + asking(1, sid), [cut]);
      expect(String((await connection.response()).body)).toBe("ok");
      if (cut % sids.length === 0) for (const each of sids) await poll(connection, each);
    }
  }, 180_000);
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
  await postBy(agent, await openSession(host), "40");
  process.kill((await host.worker(2)).pid, "SIGKILL");
  await host.waitForLog("worker-exit");
  for (const each of [agent, new Agent()]) expect(await postBy(each, sid, "40")).toBe(UNKNOWN_SESSION);
  await host.worker(2);
  expect(await postBy(agent, sid, "40")).toBe(UNKNOWN_SESSION);
});

function asking(round: number, sid: string): string {
  return `42${round}["echo","${sid}"]`;
}

/** A ping may come before it. */
async function answerOf(connection: RawConnection, sid: string): Promise<string | undefined> {
  const packets = String((await poll(connection, sid)).body).split("\x1e");
  return packets.at(-1);
}

/** On connections that stay open meanwhile, so that every worker gets its share. */
async function twelveOnAllWorkers(open: () => Promise<RawConnection>): Promise<string[]> {
  const connections = await Promise.all(Array.from({ length: 12 }, open));
  const sids = await Promise.all(connections.map(handshake));
  expect(new Set(sids.map((sid) => ownerOf(sid)?.slot)).size).toBe(4);
  for (const connection of connections) connection.halfClose();
  return sids;
}

function postBy(agent: Agent, sid: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(host.url + sessionTarget(sid), { method: "POST", agent }, (response) => {
      response.setEncoding("utf8");
      response.toArray().then((chunks) => resolve(chunks.join("")), reject);
    });
    outgoing.on("error", reject).end(body);
  });
}
