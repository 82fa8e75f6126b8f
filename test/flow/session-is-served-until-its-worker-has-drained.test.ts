// What the clients of a worker that goes experience: their requests are answered, their sessions end at a pace.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { ownerOf } from "../../src/protocol/session-id.js";
import { attempt, tally } from "./support/attempt.js";
import { temporaryDirectory } from "./support/cleanup.js";
import { clientOn, disconnected } from "./support/client.js";
import { startFleet } from "./support/fleet.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake } from "./support/polling.js";
import { gone } from "./support/process.js";
import { head, openRaw, type RawConnection, textFrame, websocketHead } from "./support/raw.js";

test("the clients of a worker that goes come back, new ones are served elsewhere, the others notice nothing", async () => {
  const { host } = await start();
  const fleet = await startFleet(host, { websocket: 40, polling: 10 });
  const leaving = fleet.on(0);
  const { pid } = await host.worker(0);
  process.kill(pid, "SIGTERM");
  const during = Array.from({ length: 20 }, async (_, i) => {
    await pause(i * 20);
    return attempt(host, i % 2 ? "polling" : "websocket");
  });
  expect(tally(await Promise.all(during))).toEqual({ ok: 20 });
  await gone(pid, 10_000);
  await fleet.allConnected();
  const reasons = leaving.flatMap(({ log }) =>
    log.flatMap((entry) => (entry.what === "disconnect" ? entry.reason : [])),
  );
  expect(leaving.length).toBeGreaterThan(10);
  expect(new Set(reasons)).toEqual(new Set(["transport close"]));
  expect(fleet.disconnects()).toBe(leaving.length);
});

test("a request under way is answered before its worker goes, with the last word that the connection ends", async () => {
  const { host } = await start();
  const connection = await openRaw(host);
  connection.write(head("GET /slow?ms=1 HTTP/1.1"));
  const slot = Number((await connection.response()).body);
  const { pid } = await host.worker(slot);
  connection.write(head("GET /slow?ms=700 HTTP/1.1"));
  await pause(100);
  process.kill(pid, "SIGTERM");
  const { body } = await connection.response();
  expect(Number(body)).toBe(slot);
  await connection.untilClosed();
  await gone(pid);
});

test("a connection that a proxy keeps is good for one more request, which says that it was the last", async () => {
  const { host } = await start();
  const connection = await openOn(host, 0);
  await drained(host, 0, async () => {
    connection.write(head("GET /slow?ms=1 HTTP/1.1"));
    expect((await connection.response()).headers.connection).toBe("close");
  });
});

test("who comes anew on a connection of a worker that drains is a sibling's, and stays", async () => {
  const { host } = await start();
  const [polling, upgrading] = [await openOn(host, 0), await openOn(host, 0)];
  await drained(host, 0, async () => {
    expect(ownerOf(await handshake(polling))?.slot).toBe(1);
    upgrading.write(websocketHead());
    expect(String(await upgrading.bytesUntil("\r\n\r\n"))).toMatch(/^HTTP\/1.1 101 /);
  });
  upgrading.write(textFrame("40"));
  await upgrading.bytesUntil("40{");
});

test("the app is told before its sessions are closed, and a stop closes them all", async () => {
  const { host, said } = await start();
  const client = await clientOn(host, 1);
  const ended = disconnected(client);
  expect(await host.stop()).toEqual({ code: 0, signal: null });
  expect(await ended).toBe("transport close");
  const lines = said().filter((line) => line.startsWith("1"));
  expect(lines[0]).toBe("1 signal");
  expect(lines).toContain("1 disconnect forced close");
});

test("a poll in the last moments reaches the worker that drains", async () => {
  const { host } = await start();
  const client = await clientOn(host, 0, { transport: "polling" });
  // Thousands more make the draining take a while; here a slow request does.
  const slow = await openSlowOn(host, 0, 1_500);
  process.kill((await host.worker(0)).pid, "SIGTERM");
  const reason = await disconnected(client);
  expect(reason).toBe("transport close");
  expect(Number((await slow.response()).body)).toBe(0);
});

async function start(): Promise<{ host: Holdfast; said: () => string[] }> {
  const file = join(temporaryDirectory(), "farewell");
  const host = await startHoldfast({ app: "farewell.mjs", workers: 2, env: { FAREWELL_FILE: file } });
  const said = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
  return { host, said };
}

async function openSlowOn(host: Holdfast, slot: number, ms: number) {
  const connection = await openOn(host, slot);
  connection.write(head(`GET /slow?ms=${ms} HTTP/1.1`));
  await pause(50);
  return connection;
}

async function openOn(host: Holdfast, slot: number): Promise<RawConnection> {
  for (;;) {
    const connection = await openRaw(host);
    connection.write(head("GET /slow?ms=0 HTTP/1.1"));
    if (Number((await connection.response()).body) === slot) return connection;
  }
}

/** `meanwhile` happens once the worker has been told. */
async function drained(host: Holdfast, slot: number, meanwhile: () => Promise<void>): Promise<void> {
  const { pid } = await host.worker(slot);
  process.kill(pid, "SIGTERM");
  await host.waitForStatus(({ workers }) => workers.some((worker) => worker.slot === slot && worker.pid !== pid));
  await meanwhile();
  await gone(pid);
}
