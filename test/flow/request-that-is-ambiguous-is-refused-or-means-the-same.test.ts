// B08, B09: what two parsers could read in two ways is refused, or read in one way by the primary, the worker and Engine.IO.
import { beforeAll, expect, test } from "vitest";
import { sessionIdOf } from "../../src/protocol/request-target.js";
import { ownerOf } from "../../src/protocol/session-id.js";
import { connect, sessionIdOfClient } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import {
  handshake,
  openSession,
  poll,
  pollHead,
  post,
  postHead,
  sessionTarget,
  UNKNOWN_SESSION,
} from "./support/polling.js";
import { handshakeTarget, head, openRaw } from "./support/raw.js";

const WORKERS = 3;

let host: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "handler-app.mjs", workers: WORKERS });
});

test.each([
  ["HTTP/0.9", "GET /slot\r\n\r\n"],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x01\x02\x03"],
  ["a bare line feed in the request line", "GET /slot\nHost: a\n\n"],
  ["a bare CR in the request line", "GET /slot\r HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["two spaces in the request line", "GET  /slot HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["two spaces behind the target", "GET /slot  X HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a tab for a space", "GET\t/slot HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an unknown method", "GETT /slot HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["another version", "GET /slot HTTP/3.0\r\nHost: a\r\n\r\n"],
  ["no host", "GET /slot HTTP/1.1\r\n\r\n"],
  ["NUL in the target", "GET /sl\0ot HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["NUL in a header", "GET /slot HTTP/1.1\r\nHost: a\0b\r\n\r\n"],
  ["a space before the colon", "GET /slot HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["a header without a colon", "GET /slot HTTP/1.1\r\nHost\r\n\r\n"],
  ["a folded first header", "GET /slot HTTP/1.1\r\n Host: a\r\n\r\n"],
  [
    "both lengths",
    "POST /slot HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["two lengths", "POST /slot HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"],
  ["a length with a sign", "POST /slot HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde"],
  ["a length in hexadecimal", "POST /slot HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nabcde"],
  ["a negative length", "POST /slot HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"],
  ["an encoding after chunked", "POST /slot HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"],
])("%s is refused and the connection closed", async (_, bytes) => {
  const connection = await openRaw(host);
  connection.write(Buffer.from(bytes, "latin1"));
  const { bytes: answer } = await connection.untilClosed();
  expect(answer.toString("latin1")).toMatch(/^(HTTP\/1\.1 400 |$)/);
  expect(answer.toString("latin1")).not.toContain("slot");
});

test("a chunk of a bad size ends the connection, and what follows is not read as a request", async () => {
  const connection = await openRaw(host);
  connection.write("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n");
  connection.write(head("GET /slot HTTP/1.1"));
  expect((await connection.untilClosed()).bytes.toString("latin1")).not.toContain("generation");
});

test("absolute form and OPTIONS * are the app's, as with plain Node", async () => {
  for (const line of ["GET http://other.example/socket.io/?EIO=4&transport=polling HTTP/1.1", "OPTIONS * HTTP/1.1"]) {
    const connection = await openRaw(host);
    connection.write(head(line));
    // The app answers what it does not know with 404, Engine.IO never does.
    expect((await connection.response()).status).toBe(404);
  }
});

test.each<[string, (own: string, other: string) => string]>([
  ["another parameter before it", (own, other) => `&xsid=${other}&sid=${own}`],
  ["another parameter behind it", (own, other) => `&sid=${own}&sidx=${other}`],
  ["a percent-encoded name", (own) => `&s%69d=${own}`],
  ["a percent-encoded value", (own) => `&sid=%${own.charCodeAt(0).toString(16)}${own.slice(1)}`],
  ["one before it that does not count", (own, other) => `&sid=${other}&sid=${own}`],
  ["a fragment", (own, other) => `&sid=${own}#&sid=${other}`],
])("a session is found by its id with %s", async (_, query) => {
  const [own, other] = [await openSession(host), await openSession(host)];
  const connection = await openRaw(host);
  connection.write(head(`POST ${handshakeTarget}${query(own, other)} HTTP/1.1`, { host: "a", "content-length": 2 }));
  connection.write("40");
  expect(String((await connection.response()).body)).toBe("ok");
  expect(String((await poll(await openRaw(host), own)).body)).toMatch(/^40/);
});

test("an id in a cookie or a referrer is not a session", async () => {
  const sid = await openSession(host);
  const connection = await openRaw(host);
  const decoys = { host: "a", cookie: `sid=${sid}; io=${sid}`, referer: `http://a/?sid=${sid}` };
  connection.write(head(`GET ${handshakeTarget} HTTP/1.1`, decoys));
  expect(await handshakeSid(connection)).not.toBe(sid);
});

test("pipelined requests of two sessions are each answered by their own worker", async () => {
  const sids = await differentWorkers();
  const connection = await openRaw(host);
  connection.write(sids.map((sid) => `${postHead(sid, 2)}40`).join(""));
  for (const _ of sids) expect(String((await connection.response()).body)).toBe("ok");
  connection.write(sids.map(pollHead).join(""));
  for (const _ of sids) expect(String((await connection.response()).body)).toMatch(/^40{"sid"/);
});

test.each(["__proto__", "constructor", "toString", "", "a".repeat(20), "%00", "../../etc/passwd"])(
  "the session id %j is unknown, and harms nobody",
  async (sid) => {
    const connection = await openRaw(host);
    connection.write(head(`GET ${handshakeTarget}&sid=${sid} HTTP/1.1`));
    const { status, body } = await connection.response();
    if (sid === "") expect(status).toBe(200);
    else expect([status, String(body)]).toEqual([400, UNKNOWN_SESSION]);
  },
);

test("the primary, the worker and Engine.IO agree about every id in use", async () => {
  for (const transport of ["polling", "websocket"] as const) {
    const client = await connect(host, { transport });
    const sid = sessionIdOfClient(client);
    expect(sessionIdOf(sessionTarget(sid))).toBe(sid);
    expect(ownerOf(sid)?.slot).toBeLessThan(WORKERS);
    const answer = await post(await openRaw(host), sid, "3");
    // A WebSocket's session has no polling transport, but it was found.
    expect(String(answer.body)).not.toContain("Session ID unknown");
  }
});

async function handshakeSid(connection: Awaited<ReturnType<typeof openRaw>>): Promise<string> {
  return JSON.parse(String((await connection.response()).body).slice(1)).sid;
}

async function differentWorkers(): Promise<string[]> {
  const sids = new Map<number, string>();
  while (sids.size < WORKERS) {
    const connection = await openRaw(host);
    const sid = await handshake(connection);
    sids.set(ownerOf(sid)?.slot as number, sid);
  }
  return [...sids.values()];
}
