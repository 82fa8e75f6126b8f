import { mkdtempSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Acceptor, type AcceptorOptions } from "../../../../src/primary/acceptor/acceptor.js";
import type { ListenWhere } from "../../../../src/primary/acceptor/listener.js";
import type { HandOffMessage } from "../../../../src/protocol/hand-off.js";
import { createHostTag, createSessionId } from "../../../../src/protocol/session-id.js";
import { beginTest, finishTest } from "../../../flow/support/cleanup.js";
import { eventually } from "../../../flow/support/eventually.js";
import { openRaw, type RawConnection } from "../../../flow/support/raw.js";

const hostTag = createHostTag();
const started: Acceptor[] = [];
const handed: Socket[] = [];

beforeEach(beginTest);
afterEach(async () => {
  await finishTest();
  for (const socket of handed.splice(0)) socket.destroy();
  for (const acceptor of started.splice(0)) acceptor.close();
});

test("a connection is handed over when its request target is complete, with all bytes read so far", async () => {
  const { worker, open } = await start();
  const connection = await open();
  connection.write("GET /file?a=b ");
  const [message] = await worker.next();
  expect(message.data).toBe("GET /file?a=b ");
});

test("a session's connection goes to the worker its id names, on any path", async () => {
  const { acceptor, open } = await start();
  const other = fakeWorker(acceptor, 1);
  acceptor.add(other);
  const sid = createSessionId({ host: hostTag, slot: 1, incarnation: 1 });
  for (const target of [`/socket.io/?EIO=4&sid=${sid}`, `/x?sid=old&sid=${sid}`, `/?s%69d=${sid}#`]) {
    (await open()).write(`GET ${target} HTTP/1.1\r\n`);
    const [message] = await other.next();
    expect(message.data).toContain(target);
  }
});

test.each([
  ["of another host", `/?sid=${createSessionId({ host: createHostTag(), slot: 1, incarnation: 1 })} HTTP/1.1\r\n`],
  ["of another form", "/?sid=__proto__ HTTP/1.1\r\n"],
  ["in a fragment", `/#?sid=${createSessionId({ host: hostTag, slot: 1, incarnation: 1 })} HTTP/1.1\r\n`],
  ["of another name", `/?xsid=${createSessionId({ host: hostTag, slot: 1, incarnation: 1 })} HTTP/1.1\r\n`],
  ["in a cookie", `/ HTTP/1.1\r\nCookie: sid=${createSessionId({ host: hostTag, slot: 1, incarnation: 1 })}\r\n`],
])("an id %s is no reason to prefer a worker", async (_, rest) => {
  const { acceptor, worker, open } = await start();
  const other = fakeWorker(acceptor, 1);
  acceptor.add(other);
  (await open()).write(`GET ${rest}`);
  await worker.next();
});

test("settling ends the listening, and waits until what was accepted has been taken", async () => {
  const { acceptor, worker, url, open } = await start();
  const connection = await open();
  connection.write("GET /last ");
  await settled(() => acceptor.counters.acceptorPending === 1);
  let isSettled = false;
  const settling = acceptor.settle(5_000).then(() => {
    isSettled = true;
  });
  await expect(openRaw({ url })).rejects.toThrow("ECONNREFUSED");
  expect(isSettled).toBe(false);
  await worker.next();
  await settling;
});

test("settling does not wait long for who says nothing", async () => {
  const { acceptor, open } = await start();
  await open();
  await settled(() => acceptor.counters.acceptorHeads === 1);
  await acceptor.settle(5_000);
  expect(acceptor.counters.acceptorHeads).toBe(1);
});

const HELLO = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);

test("where TLS is spoken, a hello goes to a worker with all bytes read so far, and the URL says so", async () => {
  const { worker, url, open } = await start({ tls: true });
  expect(url).toMatch(/^https:/);
  const connection = await open();
  connection.write(HELLO);
  const [message] = await worker.next();
  expect(Buffer.from(message.data, "latin1")).toEqual(HELLO);
});

test("where TLS is spoken, HTTP without it is answered 400 in words and closed, and never reaches a worker", async () => {
  const { acceptor, worker, open } = await start({ tls: true });
  const connection = await open();
  connection.write("GET / HTTP/1.1\r\n");
  const { status, body } = await connection.response();
  expect([status, String(body)]).toEqual([400, "This port speaks TLS: ask by https:// or wss://.\n"]);
  expect((await connection.untilClosed()).how).toBe("end");
  expect(acceptor.counters.acceptorRefused400).toBe(1);
  expect(worker.count).toBe(0);
});

test.each([
  ["is neither TLS nor HTTP", "SSH-2.0-x\r\n", false],
  ["stops within the hello", HELLO.subarray(0, 4), true],
  ["stops within the hello, at its end", HELLO.subarray(0, 4), false],
])("where TLS is spoken, what %s is closed without a word", async (_, bytes, waits) => {
  const { acceptor, worker, open } = await start({ tls: true, headerTimeoutMs: waits ? 50 : 10_000 });
  const connection = await open();
  connection.write(bytes);
  if (!waits) connection.halfClose();
  expect((await connection.untilClosed()).bytes.length).toBe(0);
  expect(acceptor.counters.acceptorClosedAlien).toBe(1);
  expect(worker.count).toBe(0);
});

test("where TLS is spoken, the connections after a session was opened by polling go to its worker", async () => {
  const { acceptor, worker, open } = await start({ tls: true });
  const other = fakeWorker(acceptor, 1);
  acceptor.add(other);
  acceptor.expected(other, "127.0.0.1", true);
  for (let i = 0; i < 3; i++) {
    (await open()).write(HELLO);
    await other.next();
  }
  acceptor.expected(other, "127.0.0.1", false);
  (await open()).write(HELLO);
  await worker.next();
});

test("where TLS is spoken, who is expected passes a limit as a session does, and others are closed without a word", async () => {
  const limits = { proxyProtocol: true, trustProxy: ["127.0.0.1"], maxConnectionsPerIp: 1 };
  const { acceptor, worker, open } = await start({ tls: true, ...limits });
  const call = async () => {
    const connection = await open();
    connection.write(Buffer.concat([Buffer.from("PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"), HELLO]));
    return connection;
  };
  await call();
  const [{ sequence, data, peer }] = await worker.next();
  acceptor.taken(worker, sequence, true);
  expect([Buffer.from(data, "latin1"), peer]).toEqual([HELLO, "192.0.2.7 4711 IPv4"]);
  expect((await (await call()).untilClosed()).bytes.length).toBe(0);
  expect(acceptor.counters).toMatchObject({ acceptorRefusedConnectionsPerIp: 1, acceptorRefused503: 1 });
  acceptor.expected(worker, "192.0.2.7", true);
  await call();
  await worker.next();
});

test("a silent connection is closed without a word when its time is up, and never reaches a worker", async () => {
  const { acceptor, worker, open } = await start({ headerTimeoutMs: 50 });
  const connection = await open();
  expect((await connection.untilClosed()).bytes.length).toBe(0);
  expect(acceptor.counters.acceptorClosedSilent).toBe(1);
  expect(worker.count).toBe(0);
});

test("a slow request line is answered 408 and closed", async () => {
  const { open } = await start({ headerTimeoutMs: 50 });
  const connection = await open();
  connection.write("GET /sl");
  expect((await connection.response()).status).toBe(408);
  await connection.untilClosed();
});

test("an endless request line is answered 431 and closed", async () => {
  const { acceptor, open } = await start({ maxHeaderBytes: 1_000 });
  const connection = await open();
  connection.write(`GET /${"a".repeat(2_000)}`);
  expect((await connection.response()).status).toBe(431);
  connection.halfClose();
  await connection.untilClosed();
  expect(acceptor.counters.acceptorRefused431).toBe(1);
});

test("what is no HTTP is answered 400 and closed", async () => {
  const { open } = await start();
  const connection = await open();
  connection.write("\x16\x03\x01\x02\x00\x01");
  expect((await connection.response()).status).toBe(400);
  await connection.untilClosed();
});

test("a client that sends on after a refusal is cut off", async () => {
  const { acceptor, open } = await start();
  const connection = await open();
  connection.write("nonsense ");
  await connection.response();
  const flood = setInterval(() => connection.write(Buffer.alloc(64 * 1024)), 1);
  await new Promise((resolve) => connection.socket.once("close", resolve));
  clearInterval(flood);
  await settled(() => acceptor.counters.acceptorLingering === 0);
});

test("a client that closes before its target is complete leaves nothing behind", async () => {
  const { acceptor, open } = await start();
  const [half, silent, reset] = [await open(), await open(), await open()];
  await settled(() => acceptor.counters.acceptorHeads === 3);
  half.write("GET /x");
  half.halfClose();
  silent.halfClose();
  reset.write("GET /");
  reset.reset();
  expect((await half.response()).status).toBe(400);
  await Promise.all([half.untilClosed(), silent.untilClosed()]);
  await settled(() => acceptor.counters.acceptorHeads === 0 && acceptor.counters.acceptorLingering === 0);
});

test("without a worker a connection is told 503 when the acceptor closes, with a time to come back", async () => {
  const { acceptor, worker, open } = await start();
  acceptor.remove(worker);
  const connection = await open();
  connection.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await settled(() => acceptor.counters.acceptorHeld === 1);
  acceptor.close();
  const { status, headers } = await connection.response();
  expect([status, headers["retry-after"], headers.connection]).toEqual([503, "1", "close"]);
  await connection.untilClosed();
});

test("after closing nothing listens, and connections that were accepted are still handed over", async () => {
  const { acceptor, worker, open } = await start();
  const connection = await open();
  await settled(() => acceptor.counters.acceptorHeads === 1);
  acceptor.close();
  await expect(open()).rejects.toThrow("ECONNREFUSED");
  connection.write("GET / HTTP/1.1\r\n");
  await worker.next();
});

test("a Unix socket is its owner's alone from the beginning, and goes with the acceptor", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "holdfast-")), "public.sock");
  const { acceptor, worker, url, openAt } = await start({}, { unix: path });
  expect(url).toBe(`unix:${path}`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  (await openAt({ path })).write("GET /unix HTTP/1.1\r\n");
  await worker.next();
  acceptor.close();
  expect(() => statSync(path)).toThrow("ENOENT");
});

interface FakeWorker {
  readonly slot: number;
  readonly incarnation: number;
  readonly count: number;
  send(message: HandOffMessage, socket: Socket): void;
  next(): Promise<[HandOffMessage, Socket]>;
}

function fakeWorker(acceptor: Acceptor, slot: number): FakeWorker {
  const got: [HandOffMessage, Socket][] = [];
  let wake = () => {};
  const worker = {
    slot,
    incarnation: 1,
    get count() {
      return got.length;
    },
    send(message: HandOffMessage, socket: Socket) {
      got.push([message, socket]);
      handed.push(socket);
      wake();
    },
    async next() {
      while (got.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const next = got.shift() as [HandOffMessage, Socket];
      acceptor.taken(worker, next[0].sequence, true);
      return next;
    },
  };
  return worker;
}

async function start(options: Partial<AcceptorOptions> = {}, where: ListenWhere = { port: 0, host: "127.0.0.1" }) {
  const log = { warn: () => {} };
  const acceptor = new Acceptor({
    hostTag,
    balance: "least-connection",
    headerTimeoutMs: 10_000,
    maxHeaderBytes: 16_384,
    log,
    ...options,
  });
  started.push(acceptor);
  const [url = ""] = await acceptor.listen([where]);
  const worker = fakeWorker(acceptor, 0);
  acceptor.add(worker);
  const open = (): Promise<RawConnection> => openRaw({ url });
  return { acceptor, worker, url, open, openAt: openRaw };
}

function settled(isSo: () => boolean): Promise<boolean> {
  return eventually(isSo, (so) => so, { withinMs: 5_000, what: `${isSo}` });
}
