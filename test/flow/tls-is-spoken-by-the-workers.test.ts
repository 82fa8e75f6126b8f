// Issue 4, TLS: handshakes and encryption run in the workers, on all of them, and clients notice nothing of how many.
import { beforeAll, expect, test } from "vitest";
import { attempt, tally } from "./support/attempt.js";
import { connect, sessionIdOfClient, upgraded } from "./support/client.js";
import type { Holdfast } from "./support/holdfast.js";
import { handshake, poll, post, sessionTarget } from "./support/polling.js";
import { head, websocketHead } from "./support/raw.js";
import { dialSecurely, type SecureConnection, type SecureServer, startSecurely } from "./support/tls.js";

const WORKERS = 4;
const OK = "ok";

let host: Holdfast;
let server: SecureServer;
beforeAll(async () => {
  ({ host, server } = await startSecurely({ app: "secure.mjs", workers: WORKERS }));
});

test("the URL says https, and clients of each transport get through and are known to be secure", async () => {
  expect(host.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  for (const transport of ["websocket", "polling", "both"] as const) {
    const client = await connect(server, { transport });
    expect(await client.emitWithAck("secure")).toBe(true);
    expect(await client.emitWithAck("echo", "x".repeat(100_000))).toHaveLength(100_000);
    if (transport === "both") await upgraded(client);
  }
  const attempts = (["websocket", "polling"] as const).flatMap((probe) => Array(20).fill(probe));
  const results = await Promise.all(attempts.map((probe) => attempt(server, probe, 20_000)));
  expect(tally(results)).toEqual({ [OK]: 40 });
});

test("1,000 connections at a brisk pace are all served, and spread evenly over the workers", async () => {
  await host.waitForStatus(({ workers }) => workers.every(({ sessions }) => sessions === 0), 60_000);
  const connections: SecureConnection[] = [];
  for (let i = 0; i < 1_000; i += 25) {
    connections.push(...(await Promise.all(Array.from({ length: 25 }, () => openWebSocket()))));
  }
  const { workers } = await host.waitForStatus(
    (status) => status.workers.reduce((sum, { sessions }) => sum + sessions, 0) === 1_000,
    20_000,
  );
  for (const { sessions } of workers) expect(Math.abs(sessions - 250)).toBeLessThanOrEqual(12);
  for (const connection of connections) connection.reset();
  await host.waitForStatus((status) => status.workers.every(({ sessions }) => sessions === 0), 20_000);
}, 120_000);

test("a request for another worker's session is forwarded, and is as secure there, with the client's address", async () => {
  const { own, strange } = await onTwoWorkers();
  const { connection, sid } = own;
  expect((await post(connection, sid, "40")).status).toBe(200);
  expect(String((await poll(connection, sid)).body)).toContain("40{");
  expect((await post(strange.connection, sid, '421["requests"]')).status).toBe(200);
  const [packet] = String((await poll(strange.connection, sid)).body).split("\x1e");
  expect(JSON.parse((packet as string).replace(/^431/, ""))).toEqual([
    [
      { sid, method: "POST", upgrade: false, encrypted: true, address: "127.0.0.1" },
      { sid, method: "GET", upgrade: false, encrypted: true, address: "127.0.0.1" },
      { sid, method: "POST", upgrade: false, encrypted: true, address: "127.0.0.2" },
    ],
  ]);
});

test("an upgrade in another worker is relayed both ways for as long as it lasts, and counted", async () => {
  const { own, strange } = await onTwoWorkers();
  const { connection } = strange;
  connection.write(websocketHead(`${sessionTarget(own.sid).replace("polling", "websocket")}`));
  expect((await connection.response()).status).toBe(101);
  connection.write(masked("2probe"));
  expect(String(await connection.bytesUntil("3probe"))).toContain("3probe");
  await host.waitForStatus(({ counters }) => counters.workerRelays === 1);
  connection.reset();
  await host.waitForStatus(({ counters }) => counters.workerRelays === 0);
});

test("of default clients that come one by one none is relayed for life, and they are spread all the same", async () => {
  const { host, server } = await startSecurely({ app: "echo.mjs", workers: WORKERS });
  for (let i = 0; i < 24; i++) await upgraded(await connect(server, { transport: "both" }));
  // A beat tells of connections and relays at once: when those of the polling are gone, it is one of after the upgrades.
  const total = (rows: readonly { connections: number }[]) =>
    rows.reduce((sum, { connections }) => sum + connections, 0);
  const { counters, workers } = await host.waitForStatus((status) => total(status.workers) === 24, 20_000);
  expect(counters.workerRelays).toBe(0);
  for (const { sessions } of workers) expect(Math.abs(sessions - 6)).toBeLessThanOrEqual(2);
}, 90_000);

test("an upgraded client stays one client: what is sent to it arrives once, in order", async () => {
  const client = await connect(server, { transport: "both" });
  const sid = sessionIdOfClient(client);
  await upgraded(client);
  expect(sessionIdOfClient(client)).toBe(sid);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => client.emitWithAck("echo", i)));
  expect(answers).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "a session of %s is resumed on every worker, also on one that was replaced",
  async (version) => {
    // Not an address from which more is expected at one worker, for a session that polls.
    const limits = { minVersion: version, maxVersion: version, localAddress: "127.0.0.9" };
    const first = await dialSecurely(server, limits);
    await slotOn(first);
    const { session } = first;
    expect(await resumedShare(40, { ...limits, session })).toEqual({ share: 1, slots: WORKERS });
    const victim = await host.worker(2);
    process.kill(victim.pid, "SIGKILL");
    await host.waitForStatus(
      ({ workers }) => workers.some(({ slot, pid, state }) => slot === 2 && pid !== victim.pid && state === "ready"),
      20_000,
    );
    expect(await resumedShare(40, { ...limits, session })).toEqual({ share: 1, slots: WORKERS });
  },
);

/** Over connections that are open at once, so that each worker gets some. */
async function resumedShare(count: number, options: object): Promise<{ share: number; slots: number }> {
  const slots = new Set<number>();
  const connections: SecureConnection[] = [];
  let resumed = 0;
  for (let i = 0; i < count; i++) {
    const connection = await dialSecurely(server, options);
    if (connection.tls.isSessionReused()) resumed++;
    slots.add(await slotOn(connection));
    connections.push(connection);
  }
  for (const connection of connections) connection.reset();
  return { share: resumed / count, slots: slots.size };
}

async function slotOn(connection: SecureConnection): Promise<number> {
  connection.write(head("GET /secure HTTP/1.1"));
  const { encrypted, slot } = JSON.parse(String((await connection.response()).body));
  expect(encrypted).toBe(true);
  return slot;
}

async function openWebSocket(): Promise<SecureConnection> {
  const connection = await dialSecurely(server);
  connection.write(websocketHead());
  expect((await connection.response(20_000)).status).toBe(101);
  return connection;
}

/** Two sessions of different workers, each on a connection of its own. */
async function onTwoWorkers() {
  const own = await newSession("127.0.0.1");
  for (;;) {
    // From another address, or the primary would expect it where the first is.
    const strange = await newSession("127.0.0.2");
    if (strange.sid.slice(4, 6) !== own.sid.slice(4, 6)) return { own, strange };
  }
}

async function newSession(localAddress: string): Promise<{ connection: SecureConnection; sid: string }> {
  const connection = await dialSecurely(server, { localAddress } as object);
  return { connection, sid: await handshake(connection) };
}

/** A WebSocket text frame of a client, with a mask of zeros. */
function masked(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
