// G14: what does not shake hands as it should costs no more than it may, ends in time, and others do not notice.
import { beforeAll, expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { clientHello } from "./support/client-hello.js";
import type { Holdfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { handshakeTarget, head, openRaw, type RawConnection } from "./support/raw.js";
import { dialSecurely, type SecureServer, startSecurely } from "./support/tls.js";

const HEADER_TIMEOUT_MS = 4_000;
const MANY = 240;

let host: Holdfast;
let server: SecureServer;
beforeAll(async () => {
  ({ host, server } = await startSecurely({ app: "echo.mjs", args: [`--header-timeout=${HEADER_TIMEOUT_MS}`] }));
});

test("a hello that comes byte by byte is answered as any other", async () => {
  const hello = await clientHello();
  // Hundreds of segments take their time on a busy machine.
  const { host } = await startSecurely({ app: "echo.mjs", args: ["--header-timeout=60s"] });
  const connection = await openRaw(host);
  await connection.writeSplit(
    hello,
    Array.from({ length: hello.length - 1 }, (_, i) => i + 1),
  );
  // A handshake record with a ServerHello in it.
  const answer = await connection.bytes(6);
  expect([answer[0], answer[1], answer[5]]).toEqual([22, 3, 2]);
});

test("hundreds of handshakes that stall anywhere are ended in time, and others do not notice", async () => {
  await host.waitForStatus(({ workers }) => workers.every(({ connections }) => connections === 0), 20_000);
  const before = await footprint(host);
  const canary = startCanary(server);
  const hello = await clientHello();
  const connections = await openMany(MANY);
  for (const [i, connection] of connections.entries()) {
    connection.write(hello.subarray(0, [0, 3, 50, hello.length][i % 4]));
  }
  const ends = await Promise.all(connections.map((connection) => connection.untilClosed(HEADER_TIMEOUT_MS + 8_000)));
  // Those that said enough have had the server's side of the handshake; nobody got an answer in HTTP.
  expect(ends.filter(({ bytes }) => bytes[0] === 22 && bytes[5] === 2).length).toBe(MANY / 4);
  expect(ends.filter(({ bytes }) => bytes.includes("HTTP/")).length).toBe(0);
  expect((await canary.stop()).failures).toEqual([]);
  const { counters } = await host.status();
  expect(counters).toMatchObject({ acceptorClosedSilent: MANY / 4, acceptorClosedAlien: MANY / 4 });
  await expectSameFootprint(host, before);
});

test("handshakes that are reset at any point, or turn into nonsense, leave nothing", async () => {
  await host.waitForStatus(({ workers }) => workers.every(({ connections }) => connections === 0), 20_000);
  const before = await footprint(host);
  const hello = await clientHello();
  for (let at = 0; at < hello.length; at += 50) {
    const [cut, garbled] = await openMany(2);
    cut?.write(hello.subarray(0, at));
    cut?.reset();
    garbled?.write(Buffer.concat([hello.subarray(0, at), Buffer.alloc(hello.length + 600 - at, 0xee)]));
    await garbled?.untilClosed(HEADER_TIMEOUT_MS + 3_000);
  }
  await expectSameFootprint(host, before);
});

test("a request without TLS is told so with a 400, and closed", async () => {
  const connection = await openRaw(host);
  connection.write(head(`GET ${handshakeTarget} HTTP/1.1`));
  const { status, body } = await connection.response();
  expect([status, String(body)]).toEqual([400, "This port speaks TLS: ask by https:// or wss://.\n"]);
  expect((await connection.untilClosed()).how).toBe("end");
});

test("what is neither is closed without a word, at once", async () => {
  for (const bytes of ["SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0", "HELO a\r\n", "\x16\x03\x01\x02\x00\x05"]) {
    const connection = await openRaw(host);
    connection.write(Buffer.from(bytes, "latin1"));
    expect((await connection.untilClosed(HEADER_TIMEOUT_MS - 500)).bytes.length).toBe(0);
  }
});

test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused with its alert", async (version) => {
  const old = { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" } as const;
  await expect(dialSecurely(server, old)).rejects.toThrow(/alert protocol version/);
});

test("names in the hello that nobody has, and hellos of nonsense, do no harm", async () => {
  for (const servername of ["x".repeat(250), "a_b", "xn--", "*.example", "../../etc"]) {
    const connection = await dialSecurely(server, { servername, checkServerIdentity: () => undefined });
    connection.write(head("GET / HTTP/1.1"));
    expect((await connection.response()).status).toBe(404);
  }
});

test("a slow request inside of TLS is answered 408, a huge head 431, as without", async () => {
  const slow = await dialSecurely(server);
  slow.write("GET / HTTP/1.1\r\nHost: a\r\n");
  expect((await slow.response(HEADER_TIMEOUT_MS + 3_000)).status).toBe(408);
  const huge = await dialSecurely(server);
  huge.write(`GET / HTTP/1.1\r\nX: ${"x".repeat(17_500)}`);
  expect((await huge.response()).status).toBe(431);
});

async function openMany(count: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  while (connections.length < count) {
    const batch = Math.min(100, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: batch }, () => openRaw(host)))));
  }
  return connections;
}
