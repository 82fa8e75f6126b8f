import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createHostTag } from "../../../src/protocol/session-id.js";
import { FORWARDED_HEADER } from "../../../src/worker/end-to-end.js";
import { seal } from "../../../src/worker/host-seal.js";
import { CertificateAuthority } from "../../flow/support/certificate.js";
import { beginTest, finishTest, onCleanup, spawnTracked } from "../../flow/support/cleanup.js";
import { freePort } from "../../flow/support/free-port.js";
import { openSession, post, postHead, sessionTarget, UNKNOWN_SESSION } from "../../flow/support/polling.js";
import { head, openRaw, type RawConnection, websocketHead } from "../../flow/support/raw.js";
import { type InProcessWorker, startWorker, type WorkerOptions } from "./in-process-worker.js";

beforeEach(beginTest);
afterEach(finishTest);

const SECRET = "hush";
/** Listens, and lets the queue of connections fill: the kernel then drops what would open another. */
const DEAF = `
import socket, time
deaf = socket.socket(); deaf.bind(("127.0.0.1", 0)); deaf.listen(0)
held = [socket.socket() for _ in range(4)]
for each in held: each.setblocking(False); each.connect_ex(deaf.getsockname())
time.sleep(0.2); print(deaf.getsockname()[1], flush=True); time.sleep(60)
`;

test("a request of another host's session is answered there, with the client's own address", async () => {
  const { here, there } = await twoHosts();
  const seen: IncomingMessage[] = [];
  there.io.engine.on("headers", (_: unknown, request: IncomingMessage) => void seen.push(request));
  const sid = await openSession(there);
  const connection = await openRaw({ ...address(here), localAddress: "127.0.0.9" } as never);
  expect(await post(connection, sid, "40")).toMatchObject({ status: 200, body: Buffer.from("ok") });
  const [request] = seen.slice(-1) as [IncomingMessage];
  expect(request.socket.remoteAddress).toBe("127.0.0.9");
  expect(JSON.stringify([request.headers, request.rawHeaders])).not.toContain("x-holdfast");
  expect([here.hosts.sent, there.hosts.taken, there.forwarder.count]).toEqual([1, 1, 0]);
});

test("what arrives at the wrong worker of the right host goes to its sibling", async () => {
  const { here, there } = await twoHosts();
  const sibling = await startWorker(1, { host: there.self.host });
  sibling.hosts.learn({ secret: SECRET, hosts: {} });
  here.hosts.learn({ secret: SECRET, hosts: { [there.self.host]: sibling.url } });
  const sid = await openSession(there);
  expect((await post(await openRaw(here), sid, "40")).status).toBe(200);
  expect(sibling.forwarder.count).toBe(1);
});

test("what a host has forwarded is not forwarded to a third, nor back", async () => {
  const { here, there } = await twoHosts();
  const third = createHostTag();
  // As if both announced the wrong address.
  here.hosts.learn({ secret: SECRET, hosts: { [third]: there.url } });
  there.hosts.learn({ secret: SECRET, hosts: { [third]: here.url } });
  const sid = `${third}AAAAabcdefghijkl`;
  expect(String((await post(await openRaw(here), sid, "40")).body)).toBe(UNKNOWN_SESSION);
  expect([here.hosts.sent, there.hosts.sent]).toEqual([1, 0]);
});

test.each([
  ["nobody has told of the host", () => ({})],
  ["nobody listens there", async (tag: string) => ({ [tag]: `http://127.0.0.1:${await freePort()}` })],
])("where %s the session is unknown, at once, to polls and upgrades", async (_, hosts) => {
  const { here, there } = await twoHosts();
  const sid = await openSession(there);
  here.hosts.learn({ secret: SECRET, hosts: (await hosts(there.self.host)) as Record<string, string> });
  const answer = await post(await openRaw(here), sid, "40");
  expect([answer.status, String(answer.body)]).toEqual([400, UNKNOWN_SESSION]);
  const upgrade = await openRaw(here);
  upgrade.write(websocketHead(`/socket.io/?EIO=4&transport=websocket&sid=${sid}`));
  expect((await upgrade.response()).status).toBe(400);
});

test("a body of many megabytes is streamed, not gathered", async () => {
  const { here, there } = await twoHosts({ io: { maxHttpBufferSize: 40e6 } });
  const got = new Promise((resolve) => {
    there.io.on("connection", (socket) => socket.on("big", (text: string) => resolve(text.length)));
  });
  const sid = await openSession(there);
  const connection = await openRaw(here);
  await post(connection, sid, "40");
  expect((await post(connection, sid, `42["big","${"x".repeat(30e6)}"]`)).status).toBe(200);
  expect(await got).toBe(30e6);
});

test("a host that does not take the connection is given up after two seconds", async () => {
  const { here, there } = await twoHosts();
  const sid = await openSession(there);
  const deaf = spawnTracked("python3", ["-c", DEAF]);
  const [port] = await once(deaf.stdout as Readable, "data");
  here.hosts.learn({ secret: SECRET, hosts: { [there.self.host]: `http://127.0.0.1:${Number(port)}` } });
  expect(String((await post(await openRaw(here), sid, "40")).body)).toBe(UNKNOWN_SESSION);
});

test("a host that takes the connection and dies leaves the session unknown", async () => {
  const { here, there } = await twoHosts();
  const sid = await openSession(there);
  const dying = createServer((socket) => void socket.once("data", () => socket.resetAndDestroy())).listen(
    0,
    "127.0.0.1",
  );
  onCleanup(() => void dying.close());
  await once(dying, "listening");
  const { port } = dying.address() as { port: number };
  here.hosts.learn({ secret: SECRET, hosts: { [there.self.host]: `http://127.0.0.1:${port}` } });
  expect(String((await post(await openRaw(here), sid, "40")).body)).toBe(UNKNOWN_SESSION);
});

test("without a secret nothing is forwarded and nobody is believed", async () => {
  const { here, there } = await twoHosts();
  const sid = await openSession(there);
  here.hosts.learn({ secret: "", hosts: { [there.self.host]: there.url } });
  expect((await post(await openRaw(here), sid, "40")).status).toBe(400);
  there.hosts.learn({ secret: "", hosts: {} });
  await forge(there, sid, seal("", { method: "POST", url: sessionTarget(sid) }, "192.0.2.1 1 IPv4"));
  expect(there.refused()).toBe(1);
});

test("a forged word is a client's request, counted, and the app does not see it", async () => {
  const { there } = await twoHosts();
  const sid = await openSession(there);
  const seen: IncomingMessage[] = [];
  there.io.engine.on("headers", (_: unknown, request: IncomingMessage) => void seen.push(request));
  for (const word of ["", "x", seal("guess", { method: "POST", url: sessionTarget(sid) }, "192.0.2.1 1 IPv4")]) {
    expect((await forge(there, sid, word)).status).toBe(200);
  }
  expect(there.refused()).toBe(3);
  expect(seen.map(({ socket }) => socket.remoteAddress)).toEqual(["127.0.0.1", "127.0.0.1", "127.0.0.1"]);
  expect(JSON.stringify(seen.map(({ headers, rawHeaders }) => [headers, rawHeaders]))).not.toContain("x-holdfast");
});

test("what comes on a host's connection without its word is refused, so no address is lent", async () => {
  const { there } = await twoHosts();
  const sid = await openSession(there);
  const connection = await openRaw(there);
  const word = seal(SECRET, { method: "POST", url: sessionTarget(sid) }, "192.0.2.1 1 IPv4");
  expect((await forge(there, sid, word, connection)).status).toBe(200);
  expect((await post(connection, sid, "3")).status).toBe(400);
});

test("a client's own such headers do not reach the other host", async () => {
  const { here, there } = await twoHosts();
  const sid = await openSession(there);
  const connection = await openRaw(here);
  connection.write(
    head(`POST ${sessionTarget(sid)} HTTP/1.1`, {
      host: "a",
      "content-length": "2",
      "x-holdfast-client": "192.0.2.1 1 IPv4",
      [FORWARDED_HEADER]: "x",
    }),
  );
  connection.write("40");
  expect((await connection.response()).status).toBe(200);
  expect([here.refused(), there.refused(), there.hosts.taken]).toEqual([1, 0, 1]);
});

test("an upgrade goes through, and ends on both sides", async () => {
  const { here, there } = await twoHosts();
  const sid = await openSession(there);
  const client = new WebSocket(`${here.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
  onCleanup(() => client.terminate());
  await once(client, "open");
  client.send("2probe");
  expect(String((await once(client, "message"))[0])).toBe("3probe");
  there.kill();
  await once(client, "close");
});

test("a host that announces TLS is spoken to in TLS", async () => {
  const { here, there } = await twoHosts();
  const { certFile, keyFile } = new CertificateAuthority().issue({ names: ["DNS:else.where"] });
  const front = createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  // The worker's HTTP server behind it, as with --tls-cert.
  front.removeAllListeners("secureConnection");
  front.on("secureConnection", (socket) => there.server.inject(socket));
  front.listen(0, "127.0.0.1");
  onCleanup(() => void front.close());
  await once(front, "listening");
  const { port } = front.address() as { port: number };
  here.hosts.learn({ secret: SECRET, hosts: { [there.self.host]: `https://127.0.0.1:${port}` } });
  const sid = await openSession(there);
  expect((await post(await openRaw(here), sid, "40")).status).toBe(200);
  expect(there.hosts.taken).toBe(1);
});

async function twoHosts(options: WorkerOptions = {}): Promise<{ here: InProcessWorker; there: InProcessWorker }> {
  const [here, there] = await Promise.all([
    startWorker(0, { ...options, host: createHostTag() }),
    startWorker(0, { ...options, host: createHostTag() }),
  ]);
  here.hosts.learn({ secret: SECRET, hosts: { [there.self.host]: there.url } });
  there.hosts.learn({ secret: SECRET, hosts: { [here.self.host]: here.url } });
  return { here, there };
}

function address({ url }: InProcessWorker): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

async function forge(
  there: InProcessWorker,
  sid: string,
  word: string,
  connection: RawConnection | Promise<RawConnection> = openRaw(there),
) {
  const raw = await connection;
  raw.write(postHead(sid, 1).replace("\r\n\r\n", `\r\n${FORWARDED_HEADER}: ${word}\r\n\r\n`));
  raw.write("3");
  return raw.response();
}
