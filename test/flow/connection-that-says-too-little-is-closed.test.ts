// B04, B05, B06: clients that are slow, silent or endless are closed in time, and cost no more than they may.
import { beforeAll, expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { rssBytes } from "./support/process.js";
import { handshakeTarget, head, openRaw, type RawConnection } from "./support/raw.js";

const HEADER_TIMEOUT_MS = 2_000;
const MANY = 2_000;
const BYTES_EACH = 20 * 1024;

let host: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "echo.mjs", args: [`--header-timeout=${HEADER_TIMEOUT_MS}`] });
});

test("thousands of silent and slow connections are closed in time, and others do not notice", async () => {
  const before = await footprint(host);
  const canary = await startCanary(host);
  const rssBefore = rssBytes(host.pid);
  const connections = await openMany(MANY);
  connections.forEach((connection, i) => {
    if (i % 2 === 1) connection.write("GET /socket.io/?EIO=4&trans");
  });
  const ends = Promise.all(connections.map((connection) => connection.untilClosed(HEADER_TIMEOUT_MS + 3_000)));
  expect((rssBytes(host.pid) - rssBefore) / MANY).toBeLessThan(BYTES_EACH);
  const answers = (await ends).map(({ bytes }) => bytes.toString("latin1", 0, 12));
  expect(new Set(answers.filter((_, i) => i % 2 === 0))).toEqual(new Set([""]));
  expect(new Set(answers.filter((_, i) => i % 2 === 1))).toEqual(new Set(["HTTP/1.1 408"]));
  expect((await canary.stop()).failures).toEqual([]);
  await expectSameFootprint(host, before);
  expect((await host.status()).workers.map(({ connections }) => connections)).toEqual([0, 0]);
});

test("a head that stops after its request line is answered 408 by the worker", async () => {
  const connection = await openRaw(host);
  connection.write(`GET ${handshakeTarget} HTTP/1.1\r\nHost: a\r\nX: `);
  expect((await connection.response(HEADER_TIMEOUT_MS + 3_000)).status).toBe(408);
  await connection.untilClosed();
});

test.each([
  ["a request line", "GET /"],
  ["headers", `GET ${handshakeTarget} HTTP/1.1\r\nHost: a\r\nX: `],
])("endless %s are answered 431 and closed", async (_, beginning) => {
  const connection = await openRaw(host);
  connection.write(beginning + "x".repeat(1_000_000));
  expect((await connection.response()).status).toBe(431);
  await connection.untilClosed();
});

test("2,000 headers with the upgrade last harm nobody", async () => {
  const many = Array.from({ length: 2_500 }, (_, i) => [`x${i}`, 1] as const);
  const connection = await openRaw(host);
  connection.write(head("GET / HTTP/1.1", { host: "a", ...Object.fromEntries(many), upgrade: "websocket" }));
  expect([400, 404, 431]).toContain((await connection.response()).status);
  expect((await host.status()).workers.map(({ restarts }) => restarts)).toEqual([0, 0]);
});

async function openMany(count: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  for (let i = 0; i < count; i += 100) {
    connections.push(...(await Promise.all(Array.from({ length: 100 }, () => openRaw(host)))));
  }
  return connections;
}
