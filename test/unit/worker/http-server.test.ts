import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginTest, finishTest, onCleanup } from "../../flow/support/cleanup.js";
import { handshakeTarget, head, openRaw, websocketHead } from "../../flow/support/raw.js";
import { startWorker } from "./in-process-worker.js";

beforeEach(beginTest);
afterEach(finishTest);

test("the app's listeners see its requests and never those of Engine.IO", async () => {
  const { url, server } = await startWorker(0);
  const seen: (string | undefined)[] = [];
  server.on("request", (request, response) => {
    seen.push(request.url);
    response.end("app");
  });
  const connection = await openRaw({ url });
  for (const target of [handshakeTarget, "/", "/socket.io", "/socket.io/socket.io.js", "/file?sid=x"]) {
    connection.write(head(`GET ${target} HTTP/1.1`));
    expect((await connection.response()).status).toBe(200);
  }
  expect(seen).toEqual(["/", "/socket.io", "/file?sid=x"]);
});

test("with no listener of the app other paths answer 404, and the connection is kept", async () => {
  const { url } = await startWorker(0);
  const connection = await openRaw({ url });
  for (let i = 0; i < 2; i++) {
    connection.write(head("GET / HTTP/1.1"));
    expect((await connection.response()).status).toBe(404);
  }
});

test("an upgrade that nobody wants is refused", async () => {
  const { url } = await startWorker(0);
  const connection = await openRaw({ url });
  connection.write(websocketHead("/other"));
  expect((await connection.response()).status).toBe(400);
  await connection.untilClosed();
});

test("the app's upgrade listener gets its upgrades and never those of Engine.IO", async () => {
  const { url, server } = await startWorker(0);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    socket.end(`HTTP/1.1 101 ${request.url}\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n`);
  });
  const mine = await openRaw({ url });
  mine.write(websocketHead("/mine"));
  expect((await mine.response()).reason).toBe("/mine");
  const engine = await openRaw({ url });
  engine.write(websocketHead());
  expect((await engine.response()).reason).toBe("Switching Protocols");
});

test("an upgrade is refused where the app's options leave WebSocket out", async () => {
  const { url } = await startWorker(0, { io: { transports: ["polling"] } });
  const connection = await openRaw({ url });
  connection.write(websocketHead());
  expect((await connection.response()).status).toBe(400);
  await connection.untilClosed();
});

test("Engine.IO keeps its path where the app's options name another", async () => {
  const { url } = await startWorker(0, { io: { path: "/live/" } });
  const connection = await openRaw({ url });
  for (const [target, status] of [
    [handshakeTarget, 404],
    [handshakeTarget.replace("socket.io", "live"), 200],
  ] as const) {
    connection.write(head(`GET ${target} HTTP/1.1`));
    expect((await connection.response()).status).toBe(status);
  }
});

test("an app that takes all listeners off does not take Engine.IO off", async () => {
  const { url, server } = await startWorker(0);
  server.removeAllListeners("request");
  server.removeAllListeners("upgrade");
  const connection = await openRaw({ url });
  connection.write(head(`GET ${handshakeTarget} HTTP/1.1`));
  expect((await connection.response()).status).toBe(200);
  const upgrade = await openRaw({ url });
  upgrade.write(websocketHead());
  expect((await upgrade.response()).status).toBe(101);
});

test("Expect: 100-continue is answered, for the app and for Engine.IO", async () => {
  const { url, server } = await startWorker(0);
  server.on("request", (request, response) => request.pipe(response));
  for (const [target, status] of [
    ["/echo", 200],
    ["/socket.io/?EIO=4&transport=polling", 400],
  ] as const) {
    const connection = await openRaw({ url });
    connection.write(head(`POST ${target} HTTP/1.1`, { host: "a", expect: "100-continue", "content-length": 2 }));
    expect((await connection.response()).status).toBe(100);
    connection.write("ok");
    expect((await connection.response()).status).toBe(status);
  }
});

test("an app with its own word on 100-continue does not get Engine.IO's", async () => {
  const { url, server } = await startWorker(0);
  server.on("checkContinue", (_request, response) => response.writeHead(403).end());
  const app = await openRaw({ url });
  app.write(head("POST / HTTP/1.1", { host: "a", expect: "100-continue", "content-length": 2 }));
  expect((await app.response()).status).toBe(403);
  const engine = await openRaw({ url });
  engine.write(head("POST /socket.io/?EIO=4 HTTP/1.1", { host: "a", expect: "100-continue", "content-length": 2 }));
  expect((await engine.response()).status).toBe(100);
});

test("an app that calls listen() is told, and hears that the server listens", async () => {
  const { server, warnings } = await startWorker(0);
  await new Promise<void>((resolve) => server.listen(3000, resolve));
  expect(warnings).toEqual([expect.stringContaining("need not")]);
});

test("an app that closes the server is told, and does not end the sessions", async () => {
  const { url, io, server, warnings } = await startWorker(0);
  const connection = await openRaw({ url });
  connection.write(websocketHead());
  await connection.bytesUntil('"sid"');
  await new Promise<void>((resolve) => server.close(() => resolve()));
  expect(io.engine.clientsCount).toBe(1);
  expect(warnings).toEqual([expect.stringContaining("need not")]);
});

test("a connection that cannot be accepted ends nothing, and is told once in a while", async () => {
  const { url, server, warnings } = await startWorker(0);
  for (let i = 0; i < 100; i++) server.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }));
  expect(warnings.length).toBe(1);
  const connection = await openRaw({ url });
  connection.write(head("GET / HTTP/1.1"));
  expect((await connection.response()).status).toBe(404);
});

test("a slow head is answered 408", async () => {
  const { url } = await startWorker(0, { limits: { headerTimeoutMs: 100 } });
  const connection = await openRaw({ url });
  connection.write("GET / HTTP/1.1\r\nhost: a\r\nx: ");
  expect((await connection.response()).status).toBe(408);
  await connection.untilClosed();
});

test("a slow body is answered 408", async () => {
  const { url, server } = await startWorker(0, { limits: { headerTimeoutMs: 100, requestTimeoutMs: 100 } });
  server.on("request", (request) => request.resume());
  const connection = await openRaw({ url });
  connection.write(`${head("POST / HTTP/1.1", { host: "a", "content-length": 10 })}x`);
  expect((await connection.response()).status).toBe(408);
  await connection.untilClosed();
});

test("a head larger than the limit is answered 431", async () => {
  const { url } = await startWorker(0, { limits: { maxHeaderBytes: 1_000 } });
  const connection = await openRaw({ url });
  connection.write(head("GET / HTTP/1.1", { host: "a", x: "y".repeat(2_000) }));
  expect((await connection.response()).status).toBe(431);
});

test("while draining no connection is kept", async () => {
  const { url, server } = await startWorker(0);
  const connection = await openRaw({ url });
  server.draining = true;
  connection.write(head(`GET ${handshakeTarget} HTTP/1.1`));
  expect((await connection.response()).headers.connection).toBe("close");
  await connection.untilClosed();
});

test("more siblings' connections can wait for a worker that stands still than Node would let wait", async () => {
  const { privatePath } = await startWorker(0);
  // In one tick, in which this worker accepts none; beyond the backlog the kernel says EAGAIN.
  const sockets = Array.from({ length: 700 }, () => connect(privatePath));
  onCleanup(() => sockets.forEach((socket) => void socket.destroy()));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
});

test("what comes over the private socket without a client's address is refused, request and upgrade", async () => {
  const { privatePath } = await startWorker(0);
  for (const bytes of [head(`GET ${handshakeTarget} HTTP/1.1`), websocketHead()]) {
    const connection = await openRaw({ path: privatePath });
    connection.write(bytes);
    expect((await connection.response()).status).toBe(400);
    await connection.untilClosed();
  }
});
