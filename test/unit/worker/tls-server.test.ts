import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TlsServer } from "../../../src/worker/tls-server.js";
import { createCertificate } from "../../flow/support/certificate.js";
import { beginTest, finishTest, onCleanup, temporaryDirectory } from "../../flow/support/cleanup.js";

beforeEach(beginTest);
afterEach(finishTest);

const newKeys = () => randomBytes(48).toString("base64");

test.each(["TLSv1.2", "TLSv1.3"] as const)("HTTP is served inside of %s, and the app sees that", async (version) => {
  const { dial } = await start();
  const client = await dial({ minVersion: version, maxVersion: version });
  expect(client.getProtocol()).toBe(version);
  expect(await get(client)).toBe("encrypted");
});

test("what was read before is read first, however much of the hello that was", async () => {
  for (const readBefore of [1, 6, 100, 10_000]) {
    const { dial } = await start({ readBefore });
    expect(await get(await dial())).toBe("encrypted");
  }
});

test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
  const { dial, failures } = await start();
  const old = { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" } as const;
  await expect(dial(old)).rejects.toThrow(/alert protocol version/);
  expect(failures()).toBe(1);
});

test("HTTP/1.1 is agreed on with a client that could do more, and no other with one that could not", async () => {
  const { dial } = await start();
  expect((await dial({ ALPNProtocols: ["h2", "http/1.1"] })).alpnProtocol).toBe("http/1.1");
  await expect(dial({ ALPNProtocols: ["h2"] })).rejects.toThrow(/no application protocol/);
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "a ticket of one is good at another that has its keys: %s",
  async (version) => {
    const ticketKeys = newKeys();
    const [one, other, stranger] = [await start({ ticketKeys }), await start({ ticketKeys }), await start()];
    const limits = { minVersion: version, maxVersion: version };
    const session = await sessionOf(await one.dial(limits));
    expect((await other.dial({ ...limits, session })).isSessionReused()).toBe(true);
    expect((await stranger.dial({ ...limits, session })).isSessionReused()).toBe(false);
  },
);

test("keys that are given later replace the first", async () => {
  const [one, other] = [await start(), await start()];
  const ticketKeys = newKeys();
  one.tls.setTicketKeys(ticketKeys);
  other.tls.setTicketKeys(ticketKeys);
  const session = await sessionOf(await one.dial());
  expect((await other.dial({ session })).isSessionReused()).toBe(true);
});

test("a handshake that is not done in time is ended, however its bytes come", async () => {
  const { port, failures } = await start({ handshakeTimeoutMs: 300, readBefore: 1 });
  const client = connectTcp(port, "127.0.0.1");
  onCleanup(() => client.destroy());
  // The head of a record of 512 bytes, of which one comes now and then.
  client.resume().on("error", () => {});
  client.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]));
  const drip = setInterval(() => client.write("a"), 50);
  onCleanup(() => clearInterval(drip));
  await new Promise((resolve) => client.once("close", resolve));
  await expect.poll(failures).toBe(1);
});

test("clients that go away within the handshake, or send no TLS after all, leave nothing", async () => {
  const { port, failures, open } = await start();
  for (const bytes of ["", "x".repeat(600)]) {
    const client = connectTcp(port, "127.0.0.1").on("error", () => {});
    client.write(Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.from(bytes)]));
    if (bytes) client.resume();
    else client.end();
    await once(client, "close");
  }
  await expect.poll(failures).toBe(2);
  await expect.poll(open).toBe(0);
});

test.each([
  ["is too large", `GET / HTTP/1.1\r\nX: ${"x".repeat(17_000)}`, "431"],
  ["is none", "nonsense\r\n\r\n", "400"],
])("a request inside that %s is answered before the connection is closed", async (_, request, status) => {
  const { dial, open } = await start();
  const client = await dial();
  client.write(request);
  const [answer] = await once(client, "data");
  expect(String(answer)).toContain(`HTTP/1.1 ${status} `);
  await expect.poll(open).toBe(0);
});

test("a name that nobody has does no harm", async () => {
  const { dial } = await start();
  for (const servername of ["x".repeat(250), "*.example", "a_b", "xn--"]) {
    expect(await get(await dial({ servername }))).toBe("encrypted");
  }
});

test("a client cannot renegotiate", async () => {
  const { dial } = await start();
  const client = await dial({ maxVersion: "TLSv1.2" });
  const refused = new Promise<Error | null>((resolve) => {
    client.once("error", resolve);
    client.renegotiate({}, (error) => error && resolve(error));
  });
  expect(String(await refused)).toMatch(/no.renegotiation/i);
});

interface StartOptions {
  readonly ticketKeys?: string;
  readonly handshakeTimeoutMs?: number;
  /** How much of a connection is read, and put back, before TLS sees it. */
  readonly readBefore?: number;
}

async function start({ ticketKeys = newKeys(), handshakeTimeoutMs = 15_000, readBefore = 6 }: StartOptions = {}) {
  const { certFile, keyFile, pem } = createCertificate(await temporaryDirectory());
  const http = createHttpServer((request, response) => {
    response.end((request.socket as TLSSocket).encrypted ? "encrypted" : "plain");
  });
  let failures = 0;
  const open = new Set<Socket>();
  const material = { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8"), ticketKeys };
  const tls = new TlsServer(material, {
    handshakeTimeoutMs,
    inject: (socket) => http.emit("connection", socket),
    onFailure: () => failures++,
    log: { debug: () => {} },
  });
  const front = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(socket.once("close", () => open.delete(socket)));
    void receive(tls, socket, readBefore);
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  onCleanup(() => {
    front.close();
    for (const socket of open) socket.destroy();
  });
  const { port } = front.address() as { port: number };
  const dial = (options: ConnectionOptions = {}) => dialTls({ port, host: "127.0.0.1", ca: pem, ...options });
  return { tls, port, dial, failures: () => failures, open: () => open.size };
}

/** As the inbox does it: TLS first, then what was read before it. */
async function receive(tls: TlsServer, socket: Socket, readBefore: number): Promise<void> {
  socket.on("error", () => {});
  socket.resume();
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.pause();
  // As a handle is that has come from another process.
  const { _handle: handle } = socket as unknown as { _handle: { reading: boolean; readStop(): void } };
  handle.readStop();
  handle.reading = false;
  const rest = chunk.subarray(readBefore);
  if (rest.length > 0) socket.unshift(rest);
  tls.receive(socket);
  socket.unshift(chunk.subarray(0, readBefore));
}

async function dialTls(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ servername: "localhost", checkServerIdentity: () => undefined, ...options });
  onCleanup(() => socket.destroy());
  await once(socket, "secureConnect");
  socket.on("error", () => {});
  return socket;
}

/** With TLS 1.3 tickets come after the handshake. */
async function sessionOf(socket: TLSSocket): Promise<Buffer> {
  const sessions: Buffer[] = [];
  socket.on("session", (session) => sessions.push(session));
  const known = socket.getSession();
  if (socket.getProtocol() === "TLSv1.2" && known) return known;
  await get(socket);
  await pause(0);
  return sessions.at(-1) as Buffer;
}

async function get(socket: TLSSocket): Promise<string> {
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const [chunk] = await once(socket, "data");
  return String(chunk).split("\r\n").at(-1) as string;
}
