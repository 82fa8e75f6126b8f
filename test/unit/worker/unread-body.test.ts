import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginTest, finishTest, onCleanup } from "../../flow/support/cleanup.js";
import { handshakeTarget, head, openRaw, type RawConnection } from "../../flow/support/raw.js";
import { startWorker } from "./in-process-worker.js";

beforeEach(beginTest);
afterEach(finishTest);

const MEGABYTES_100 = 100e6;

test.each([
  ["without a session", "", { code: 2, message: "Bad handshake method" }],
  ["to an unknown session", `&sid=${"a".repeat(20)}`, { code: 1, message: "Session ID unknown" }],
])("100 MB sent %s are refused at once, and hardly read", async (_, query, error) => {
  const worker = await startWorker(0);
  const accepted = once(worker.server, "connection") as Promise<[Socket]>;
  const connection = await openRaw(worker);
  flood(connection, { "content-length": MEGABYTES_100 }, query);
  const answer = await connection.response();
  expect([answer.status, answer.headers.connection]).toEqual([400, "close"]);
  expect(JSON.parse(String(answer.body))).toEqual(error);
  const [socket] = await accepted;
  await once(socket, "close");
  expect(socket.bytesRead).toBeLessThan(2e6);
});

test("a chunked body without end is refused and not read on", async () => {
  const worker = await startWorker(0);
  const accepted = once(worker.server, "connection") as Promise<[Socket]>;
  const connection = await openRaw(worker);
  flood(connection, { "transfer-encoding": "chunked" }, "");
  expect((await connection.response()).status).toBe(400);
  const [socket] = await accepted;
  await once(socket, "close");
  expect(socket.bytesRead).toBeLessThan(2e6);
});

test("a small body of a refused request costs nobody the connection", async () => {
  const worker = await startWorker(0);
  const connection = await openRaw(worker);
  for (let i = 0; i < 3; i++) {
    const headers = { host: "a", "content-length": 2 };
    connection.write(`${head(`POST ${handshakeTarget} HTTP/1.1`, headers)}40`);
    const answer = await connection.response();
    expect([answer.status, answer.headers.connection]).toEqual([400, "keep-alive"]);
  }
});

test("an app may answer before it has read a body, as with plain Node", async () => {
  const worker = await startWorker(0);
  worker.server.on("request", (_request, response) => response.end("early"));
  const connection = await openRaw(worker);
  const body = Buffer.alloc(3e6);
  connection.write(head("POST /upload HTTP/1.1", { host: "a", "content-length": body.length }));
  connection.write(body);
  expect((await connection.response()).headers.connection).toBe("keep-alive");
  connection.write(head("GET / HTTP/1.1"));
  expect(String((await connection.response()).body)).toBe("early");
});

/** Sends a head, and then as much of a body as is taken. */
function flood(connection: RawConnection, headers: Record<string, string | number>, query: string): void {
  connection.write(head(`POST ${handshakeTarget}${query} HTTP/1.1`, { host: "a", ...headers }));
  const chunk = Buffer.from(`10000\r\n${"x".repeat(0x10000)}\r\n`);
  const timer = setInterval(() => {
    if (connection.socket.writableLength < 1e6) connection.write(chunk);
  }, 1);
  onCleanup(() => clearInterval(timer));
}
