// B23, and the policies of --balance: counted at hand-off, so a burst spreads before any worker has said a word.
import { expect, test } from "vitest";
import { attempt, tally } from "./support/attempt.js";
import { onCleanup } from "./support/cleanup.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { head, openRaw, type RawConnection, websocketHead } from "./support/raw.js";

test("a thousand connections at once are all served and spread evenly", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 4 });
  const connections = await Promise.all(Array.from({ length: 1_000 }, () => openWebSocket(host)));
  const { workers } = await host.waitForStatus(({ workers }) => total(workers) === connections.length, 20_000);
  for (const { sessions } of workers) expect(Math.abs(sessions - 250)).toBeLessThanOrEqual(25);
  for (const connection of connections) connection.reset();
  await host.waitForStatus(({ workers }) => total(workers) === 0, 20_000);
});

test("1,000 WebSockets one after another are all open, and 400 at once, spread over 4 workers", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 4 });
  for (let i = 0; i < 1_000; i++) await openWebSocket(host);
  const sequential = await host.waitForStatus(({ workers }) => total(workers) === 1_000);
  for (const { sessions } of sequential.workers) expect(Math.abs(sessions - 250)).toBeLessThanOrEqual(12);
  await Promise.all(Array.from({ length: 400 }, () => openWebSocket(host)));
  const all = await host.waitForStatus(({ workers }) => total(workers) === 1_400);
  for (const { sessions } of all.workers) expect(Math.abs(sessions - 350)).toBeLessThanOrEqual(17);
});

test.each(["least-connection", "round-robin", "random"])("with %s every worker gets a share", async (balance) => {
  const host = await startHoldfast({ app: "handler-app.mjs", workers: 3, args: ["--balance", balance] });
  const slots = new Set<number>();
  for (let i = 0; i < 60; i++) slots.add(await slotOfNew(host));
  expect(slots.size).toBe(3);
});

test("with ip-hash a client's connections go to one worker", async () => {
  const host = await startHoldfast({ app: "handler-app.mjs", workers: 3, args: ["--balance", "ip-hash"] });
  const slots = new Set<number>();
  for (let i = 0; i < 20; i++) slots.add(await slotOfNew(host));
  expect(slots.size).toBe(1);
  expect(tally(await Promise.all(Array.from({ length: 10 }, () => attempt(host, "polling"))))).toEqual({ ok: 10 });
});

async function openWebSocket(host: Holdfast): Promise<RawConnection> {
  const connection = await openRaw(host);
  connection.write(websocketHead());
  expect((await connection.response(20_000)).status).toBe(101);
  onCleanup(() => connection.reset());
  return connection;
}

async function slotOfNew(host: Holdfast): Promise<number> {
  const connection = await openRaw(host);
  connection.write(head("GET /slot HTTP/1.1"));
  const { body } = await connection.response();
  connection.halfClose();
  return JSON.parse(String(body)).slot;
}

function total(workers: readonly { readonly sessions: number }[]): number {
  return workers.reduce((sum, { sessions }) => sum + sessions, 0);
}
