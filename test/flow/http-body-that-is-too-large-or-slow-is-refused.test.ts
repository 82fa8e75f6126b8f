// B12, B14, B15, B20: bodies outside Socket.IO have a limit of size, all have one of time; what is refused is not read on.
import { beforeAll, describe, expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { connect } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, sessionTarget } from "./support/polling.js";
import { cpuMs, rssBytes } from "./support/process.js";
import { head, openRaw } from "./support/raw.js";

const MB = 1024 * 1024;
const PAGE = "https://page.example";
const CHUNKED = { host: "a", "transfer-encoding": "chunked" };

const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;

describe("with --max-body", () => {
  let host: Holdfast;
  beforeAll(async () => {
    host = await startHoldfast({ app: "upload.mjs", args: ["--max-body", "1mb", "--cors-origin", PAGE] });
  });

  test("a body that is announced too long is refused at once, unread", async () => {
    const connection = await openRaw(host);
    connection.write(head("POST /upload HTTP/1.1", { host: "a", origin: PAGE, "content-length": MB + 1 }));
    const { status, headers } = await connection.response();
    expect([status, headers.connection, headers["access-control-allow-origin"]]).toEqual([413, "close", PAGE]);
    await connection.untilClosed();
  });

  test("with Expect: 100-continue it is refused before it is sent, and asked for where it may come", async () => {
    const expecting = { host: "a", expect: "100-continue" };
    const large = await openRaw(host);
    large.write(head("POST /upload HTTP/1.1", { ...expecting, "content-length": 2 * MB }));
    expect((await large.response()).status).toBe(413);
    const small = await openRaw(host);
    small.write(head("POST /upload HTTP/1.1", { ...expecting, "content-length": 3 }));
    await small.bytesUntil("HTTP/1.1 100 Continue\r\n\r\n");
    small.write("abc");
    expect(JSON.parse(String((await small.response()).body))).toMatchObject({ bytes: 3 });
  });

  test("a body in chunks is refused when it has become too long, and the worker reads little more", async () => {
    const connection = await openRaw(host);
    const before = rssBytes((await host.worker(0)).pid);
    connection.write(head("POST /upload HTTP/1.1", { ...CHUNKED, origin: PAGE }));
    const flood = setInterval(() => connection.write(chunk(256 * 1024)), 5);
    const { status, headers } = await connection.response();
    expect([status, headers["access-control-allow-origin"]]).toEqual([413, PAGE]);
    await new Promise((resolve) => connection.socket.once("close", resolve));
    clearInterval(flood);
    expect(rssBytes((await host.worker(0)).pid) - before).toBeLessThan(30 * MB);
  });

  test.each([
    ["announced", { host: "a", "content-length": MB }, "x".repeat(MB)],
    ["in chunks", CHUNKED, `${chunk(MB / 2)}${chunk(MB / 2)}0\r\n\r\n`],
  ])("a body of exactly the limit is served, %s", async (_, headers, body) => {
    const connection = await openRaw(host);
    connection.write(head("POST /upload HTTP/1.1", headers) + body);
    expect(JSON.parse(String((await connection.response()).body))).toMatchObject({ bytes: MB });
  });

  test("trailers are the app's business, and the next request is read as one", async () => {
    const connection = await openRaw(host);
    connection.write(head("POST /upload HTTP/1.1", { ...CHUNKED, trailer: "x-a" }));
    connection.write(`${chunk(3)}0\r\nX-A: sid=1\r\n\r\n${head("POST /upload HTTP/1.1", { host: "a" })}`);
    expect(JSON.parse(String((await connection.response()).body))).toMatchObject({ bytes: 3 });
    expect(JSON.parse(String((await connection.response()).body))).toMatchObject({ bytes: 0 });
  });

  test("Socket.IO's bodies have the app's limit, not this one", async () => {
    const client = await connect(host, { transport: "polling" });
    const large = "x".repeat(900_000);
    expect((await client.emitWithAck("echo", large)).length).toBe(900_000);
  });
});

describe("chunks", () => {
  let host: Holdfast;
  beforeAll(async () => {
    host = await startHoldfast({ app: "upload.mjs", workers: 1 });
  });

  test("twenty thousand of one byte cost little, and harm nobody", async () => {
    const canary = await startCanary(host);
    const { pid } = await host.worker(0);
    const before = cpuMs(pid);
    const connection = await openRaw(host);
    connection.write(head("POST /upload HTTP/1.1", CHUNKED));
    connection.write(`${chunk(1).repeat(20_000)}0\r\n\r\n`);
    expect(JSON.parse(String((await connection.response(20_000)).body))).toMatchObject({ bytes: 20_000 });
    expect(cpuMs(pid) - before).toBeLessThan(5_000);
    expect((await canary.stop()).failures).toEqual([]);
  });

  test("extensions that are endless are refused", async () => {
    const connection = await openRaw(host);
    connection.write(head("POST /upload HTTP/1.1", CHUNKED));
    connection.write(`1;${"e".repeat(64 * 1024)}\r\nx\r\n0\r\n\r\n`);
    const { bytes } = await connection.untilClosed();
    expect(bytes.toString("latin1")).toMatch(/^(HTTP\/1\.1 413 |$)/);
  });

  test.each(["-1", "+5", "0x5", "5 ", "g", "ffffffffffffffffff", ""])(
    "a size of %j ends the connection",
    async (size) => {
      const connection = await openRaw(host);
      connection.write(head("POST /upload HTTP/1.1", CHUNKED));
      connection.write(`${size}\r\nhello\r\n0\r\n\r\n`);
      expect((await connection.untilClosed()).bytes.toString("latin1")).toMatch(/^(HTTP\/1\.1 400 |$)/);
    },
  );
});

test("a body slower than --request-timeout is answered 408, for the app and for a session", async () => {
  const args = ["--header-timeout", "500ms", "--request-timeout", "1s"];
  const host = await startHoldfast({ app: "upload.mjs", workers: 1, args });
  const slow = await openRaw(host);
  slow.write(head("POST /upload HTTP/1.1", { host: "a", "content-length": 100 }));
  const session = await openRaw(host);
  const sid = await handshake(session);
  session.write(head(`POST ${sessionTarget(sid)} HTTP/1.1`, { host: "a", "content-length": 100 }));
  const drip = setInterval(() => {
    slow.write("x");
    session.write("4");
  }, 100);
  expect((await slow.response()).status).toBe(408);
  expect((await session.response()).status).toBe(408);
  clearInterval(drip);
  await Promise.all([slow.untilClosed(), session.untilClosed()]);
});
