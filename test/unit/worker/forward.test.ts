import { once } from "node:events";
import { rmSync, symlinkSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginTest, finishTest, onCleanup } from "../../flow/support/cleanup.js";
import { eventually } from "../../flow/support/eventually.js";
import {
  exchange,
  openSession,
  poll,
  pollHead,
  post,
  postHead,
  sessionTarget,
  UNKNOWN_SESSION,
  upgradeSession,
} from "../../flow/support/polling.js";
import { head, openRaw, type RawConnection, websocketHead } from "../../flow/support/raw.js";
import { type InProcessWorker, startWorker, type WorkerOptions } from "./in-process-worker.js";

beforeEach(beginTest);
afterEach(finishTest);

test("polls and posts of a sibling's session are answered by the sibling, on one connection", async () => {
  const { here, there } = await twoWorkers();
  const messages: unknown[] = [];
  there.io.on("connection", (socket) => socket.on("say", (text) => messages.push(text)));
  const sid = await openSession(there);
  const connection = await openRaw(here);
  expect(await post(connection, sid, "40")).toMatchObject({ status: 200, body: Buffer.from("ok") });
  expect(String((await poll(connection, sid)).body)).toMatch(/^40{"sid":/);
  await post(connection, sid, '42["say","hello"]');
  expect(messages).toEqual(["hello"]);
  expect(here.forwarder.count).toBe(3);
});

test("an answer's head may be as long as the sibling's app makes it", async () => {
  const { here, there } = await twoWorkers();
  const long = "x".repeat(100_000);
  there.io.engine.on("headers", (headers: Record<string, string>) => {
    headers["x-long"] = long;
  });
  const sid = await openSession(there);
  const { status, headers } = await post(await openRaw(here), sid, "40");
  expect(status).toBe(200);
  expect(headers["x-long"]).toBe(long);
});

test("an own session's requests are not forwarded, nor is a handshake", async () => {
  const { here } = await twoWorkers();
  const sid = await openSession(here);
  const connection = await openRaw(here);
  expect((await post(connection, sid, "40")).status).toBe(200);
  expect(here.forwarder.count).toBe(0);
});

test("a WebSocket upgrade of a sibling's session is carried through, both ways, with what came early", async () => {
  const { here, there } = await twoWorkers();
  there.io.on("connection", (socket) => socket.on("echo", (text, ack) => ack(text)));
  const sid = await openSession(there);
  const client = await upgradeSession(here, sid);
  const text = "x".repeat(500_000);
  expect(await exchange(client, `420["echo","${text}"]`)).toBe(`430["${text}"]`);
  client.close();
  await eventually(
    () => there.server.privateConnections,
    (count) => count === 0,
  );
});

test("a relay that is closed ends both sides, behind what the sibling has said", async () => {
  const { here, there } = await twoWorkers();
  const said = "x".repeat(500_000);
  there.io.on("connection", (socket) => {
    socket.on("last", () => {
      socket.emit("said", said);
      for (const relay of here.forwarder.relays) relay.close();
    });
  });
  const sid = await openSession(there);
  const client = await upgradeSession(here, sid);
  expect(here.forwarder.relays).toHaveLength(1);
  const closed = once(client, "close");
  expect(await exchange(client, '42["last"]')).toBe(`42["said","${said}"]`);
  await closed;
  await eventually(
    () => here.forwarder.relays.length + there.server.privateConnections + there.io.engine.clientsCount,
    (left) => left === 0,
  );
});

test("a session whose worker is gone is refused in Engine.IO's words, by poll, post and upgrade", async () => {
  const { here, there } = await twoWorkers();
  const sid = await openSession(there);
  there.kill();
  const connection = await openRaw(here);
  for (const answer of [await poll(connection, sid), await post(connection, sid, "40")]) {
    expect([answer.status, String(answer.body)]).toEqual([400, '{"code":1,"message":"Session ID unknown"}']);
  }
  const upgrade = await openRaw(here);
  upgrade.write(websocketHead(`/socket.io/?EIO=4&transport=websocket&sid=${sid}`));
  const answer = await upgrade.response();
  expect([answer.status, String(answer.body)]).toEqual([400, "Session ID unknown"]);
});

test("a session whose worker left its socket file behind is refused as well", async () => {
  const { here, there } = await twoWorkers();
  there.kill();
  const ghost = createServer().listen(there.privatePath);
  await once(ghost, "listening");
  ghost.on("connection", (socket) => socket.destroy());
  onCleanup(() => ghost.close());
  expect((await poll(await openRaw(here), there.newSessionId())).status).toBe(400);
});

test("a poll that its sibling dies over is refused", async () => {
  const { here, there } = await twoWorkers();
  const sid = await openSession(there);
  const connection = await pollThrough(here, there, sid);
  there.kill();
  expect((await connection.response()).status).toBe(400);
});

test("a client that gives up its poll gives it up at the sibling", async () => {
  const { here, there } = await twoWorkers();
  const sid = await openSession(there);
  const connection = await pollThrough(here, there, sid);
  connection.reset();
  await eventually(
    () => there.server.privateConnections + there.io.engine.clientsCount,
    (left) => left === 0,
  );
});

test("a body of many megabytes is streamed, not gathered", async () => {
  const { here, there } = await twoWorkers({ io: { maxHttpBufferSize: 40e6 } });
  const got = new Promise((resolve) => {
    there.io.on("connection", (socket) => socket.on("big", (text: string) => resolve(text.length)));
  });
  const sid = await openSession(there);
  const connection = await openRaw(here);
  await post(connection, sid, "40");
  const answer = await post(connection, sid, `42["big","${"x".repeat(30e6)}"]`);
  expect(answer.status).toBe(200);
  expect(await got).toBe(30e6);
});

test("a body beyond Engine.IO's limit is answered 413 and closed, and hardly read", async () => {
  const { here, there } = await twoWorkers();
  const sid = await openSession(there);
  const accepted = once(here.server, "connection") as Promise<[Socket]>;
  const connection = await openRaw(here);
  connection.write(postHead(sid, 100e6));
  const flood = setInterval(() => {
    if (connection.socket.writableLength < 1e6) connection.write(Buffer.alloc(64 * 1024));
  }, 1);
  onCleanup(() => clearInterval(flood));
  expect((await connection.response()).status).toBe(413);
  const [socket] = await accepted;
  await once(socket, "close");
  expect(socket.bytesRead).toBeGreaterThan(1e6);
  expect(socket.bytesRead).toBeLessThan(3e6);
});

test("the sibling's app sees the client's address, and a client cannot make one up", async () => {
  const { here, there } = await twoWorkers();
  const seen = requestsOf(there);
  const connection = await openRaw(here);
  const forged = { host: "a", "X-Holdfast-Client": "6.6.6.6 1 IPv4" };
  connection.write(head(`GET ${sessionTarget(there.newSessionId())} HTTP/1.1`, forged));
  await connection.response();
  expect(seen.map(({ address }) => address)).toEqual(["127.0.0.1 IPv4"]);
  expect(seen[0]?.rawHeaders).toEqual(["host", "a", "Connection", "keep-alive"]);
  expect(seen[0]?.headers).toEqual({ host: "a", connection: "keep-alive" });
});

test("a body cannot become a request of its own at the sibling", async () => {
  const { here, there } = await twoWorkers();
  const seen = requestsOf(there);
  const smuggled = head("GET /socket.io/?smuggled HTTP/1.1");
  const chunked = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
  for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "POST"]) {
    const connection = await openRaw(here);
    const headers = { host: "a", "transfer-encoding": "chunked" };
    connection.write(head(`${method} ${sessionTarget(there.newSessionId())} HTTP/1.1`, headers) + chunked);
    await connection.bytesUntil("\r\n\r\n");
  }
  // Behind them on the same connections between the workers.
  await poll(await openRaw(here), there.newSessionId());
  expect(seen.map(({ method }) => method)).toEqual(["GET", "HEAD", "DELETE", "OPTIONS", "POST", "GET"]);
});

test("what comes over the private socket is never forwarded again", async () => {
  const { here, there } = await twoWorkers();
  const connection = await openRaw({ path: here.privatePath });
  const headers = { host: "a", "x-holdfast-client": "127.0.0.1 1 IPv4" };
  connection.write(head(`GET ${sessionTarget(there.newSessionId())} HTTP/1.1`, headers));
  const answer = await connection.response();
  expect([answer.status, String(answer.body)]).toEqual([400, UNKNOWN_SESSION]);
  expect(here.forwarder.count).toBe(0);
});

test("a request that Node would not send on is refused, not fatal", async () => {
  const { here, there } = await twoWorkers();
  const connection = await openRaw(here);
  connection.write(
    Buffer.from(`GET ${sessionTarget(there.newSessionId())}&x=\t HTTP/1.1\r\nhost: a\r\n\r\n`, "latin1"),
  );
  expect((await connection.response()).status).toBe(400);
  expect((await poll(await openRaw(here), here.newSessionId())).status).toBe(400);
});

test("pipelined requests of two sessions are each answered by their own worker, in order", async () => {
  const { here, there } = await twoWorkers();
  const [mine, theirs] = [await openSession(here), await openSession(there)];
  const connection = await openRaw(here);
  connection.write(`${postHead(theirs, 2)}40${postHead(mine, 2)}40${pollHead(theirs)}${pollHead(mine)}`);
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await connection.response());
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect([there.io.of("/").sockets.size, here.io.of("/").sockets.size]).toEqual([1, 1]);
});

test("a removed socket file means that the worker is gone", async () => {
  const { here, there } = await twoWorkers();
  const sid = await openSession(there);
  rmSync(there.privatePath);
  expect((await poll(await openRaw(here), sid)).status).toBe(400);
});

test("pipelined polls are forwarded one at a time", async () => {
  const { here, there } = await twoWorkers();
  const sid = await openSession(there);
  const connection = await openRaw(here);
  await post(connection, sid, "40");
  await poll(connection, sid);
  connection.write(pollHead(sid).repeat(10));
  for (let i = 0; i < 10; i++) {
    there.io.emit("news", i);
    const answer = await connection.response();
    expect([answer.status, String(answer.body)]).toEqual([200, `42["news",${i}]`]);
    expect(there.server.privateConnections).toBe(1);
  }
});

test("of very many pipelined requests some wait, and the next is refused and ends the connection", async () => {
  const { here, there } = await twoWorkers();
  const connection = await openRaw(here);
  connection.write(pollHead(there.newSessionId()).repeat(200));
  for (let i = 0; i < 17; i++) expect((await connection.response()).status).toBe(400);
  const { status, headers } = await connection.response();
  expect([status, headers["retry-after"], headers.connection]).toEqual([503, "1", "close"]);
  await connection.untilClosed();
  expect(here.forwarder.count).toBe(17);
});

test("a session whose worker cannot be reached, but is not gone, is answered 503 and not that it is unknown", async () => {
  const { here, there } = await twoWorkers();
  const sid = await openSession(there);
  rmSync(there.privatePath);
  // ELOOP, as good as EAGAIN or EMFILE.
  symlinkSync(there.privatePath, there.privatePath);
  onCleanup(() => rmSync(there.privatePath, { force: true }));
  const connection = await openRaw(here);
  for (const answer of [await poll(connection, sid), await post(connection, sid, "40")]) {
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
  }
  const upgrade = await openRaw(here);
  upgrade.write(websocketHead(`/socket.io/?EIO=4&transport=websocket&sid=${sid}`));
  const { status, headers } = await upgrade.response();
  expect([status, headers["retry-after"]]).toEqual([503, "1"]);
  await upgrade.untilClosed();
});

test("the sibling's app sees the client's address however many headers there are", async () => {
  const { here, there } = await twoWorkers();
  const seen = requestsOf(there);
  const connection = await openRaw(here);
  const target = sessionTarget(there.newSessionId());
  connection.write(`GET ${target} HTTP/1.1\r\nhost: a\r\n${"a:\r\n".repeat(2_100)}\r\n`);
  const { status, body } = await connection.response();
  expect([status, String(body)]).toEqual([400, UNKNOWN_SESSION]);
  expect(seen.map(({ address }) => address)).toEqual(["127.0.0.1 IPv4"]);
});

test("the largest head that is taken from a client gets to the sibling, with what is added to it", async () => {
  const { here, there } = await twoWorkers({ limits: { maxHeaderBytes: 1_000 } });
  const seen = requestsOf(there);
  const connection = await openRaw(here);
  const headOf = (x: string) => head(`GET ${sessionTarget(there.newSessionId())} HTTP/1.1`, { host: "a", x });
  connection.write(headOf("y".repeat(1_000 - headOf("").length)));
  const { status, body } = await connection.response();
  expect([status, String(body)]).toEqual([400, UNKNOWN_SESSION]);
  expect(seen.length).toBe(1);
});

interface SeenRequest {
  readonly method: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly address: string;
}

/** What Engine.IO of a worker gets from now on, as it was when it came. */
function requestsOf(worker: InProcessWorker): SeenRequest[] {
  const seen: SeenRequest[] = [];
  worker.io.engine.use(({ method, headers, rawHeaders, socket }: IncomingMessage, _: unknown, next: () => void) => {
    const address = `${socket.remoteAddress} ${socket.remoteFamily}`;
    seen.push({ method, headers: { ...headers }, rawHeaders: [...rawHeaders], address });
    next();
  });
  return seen;
}

async function twoWorkers(options: WorkerOptions = {}): Promise<{ here: InProcessWorker; there: InProcessWorker }> {
  const [here, there] = await Promise.all([startWorker(0, options), startWorker(1, options)]);
  return { here, there };
}

/** A poll of the sibling's session that waits there for something to be said. */
async function pollThrough(here: InProcessWorker, there: InProcessWorker, sid: string): Promise<RawConnection> {
  const connection = await openRaw(here);
  await post(connection, sid, "40");
  await poll(connection, sid);
  connection.write(pollHead(sid));
  await eventually(
    () => there.server.privateConnections,
    (count) => count === 1,
  );
  return connection;
}
