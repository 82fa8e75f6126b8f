// G15, threat 13: forwarded headers and the PROXY protocol are believed from trusted proxies only, and reach the app.
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { onCleanup, temporaryDirectory } from "./support/cleanup.js";
import { connect, sessionIdOfClient } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, post } from "./support/polling.js";
import { handshakeTarget, head, openRaw, type RawConnection } from "./support/raw.js";
import { dialSecurely, startSecurely } from "./support/tls.js";

const SIGNATURE = "0d0a0d0a000d0a515549540a";

async function addressOn(connection: RawConnection, headers = {}) {
  connection.write(head("GET /address HTTP/1.1", { host: "a", ...headers }));
  const { body } = await connection.response();
  return JSON.parse(String(body)) as { address: string; family: string; port?: number; slot: number };
}

async function from(host: Holdfast, localAddress: string): Promise<RawConnection> {
  return openRaw({ port: Number(new URL(host.url).port), host: "127.0.0.1", localAddress } as never);
}

describe("with --trust-proxy", () => {
  let host: Holdfast;
  beforeAll(async () => {
    host = await startHoldfast({ app: "address.mjs", args: ["--trust-proxy", "127.0.0.1,10.0.0.0/8"] });
  });

  test("the right-most address that is no proxy is the client's, on each request of a connection", async () => {
    const connection = await openRaw(host);
    const own = await addressOn(connection);
    expect(own.address).toBe("127.0.0.1");
    expect(await addressOn(connection, { "x-forwarded-for": "198.51.100.1, 192.0.2.7, 10.0.0.3" })).toMatchObject({
      address: "192.0.2.7",
      family: "IPv4",
    });
    expect((await addressOn(connection, { forwarded: 'for="[2001:db8::7]:80";proto=https' })).address).toBe(
      "2001:db8::7",
    );
    expect(await addressOn(connection)).toEqual(own);
    expect((await addressOn(connection, { "x-forwarded-for": "nonsense" })).address).toBe("127.0.0.1");
  });

  test("from anybody else these headers mean nothing", async () => {
    const connection = await from(host, "127.0.0.2");
    const { address } = await addressOn(connection, { "x-forwarded-for": "192.0.2.7", forwarded: "for=192.0.2.7" });
    expect(address).toBe("127.0.0.2");
  });

  test("a handshake has it, by every transport, and so has a session whose requests are forwarded", async () => {
    const extraHeaders = { "x-forwarded-for": "192.0.2.7" };
    for (const transport of ["polling", "websocket"] as const) {
      const client = await connect(host, { transport, options: { extraHeaders } });
      expect(await client.emitWithAck("address")).toBe("192.0.2.7");
    }
    // Handshakes and their sessions on whatever worker: the connection is kept while the sessions change.
    const connection = await openRaw(host);
    const slots = new Set<string>();
    for (let i = 0; i < 8; i++) {
      const client = await connect(host, { transport: "polling", options: { extraHeaders } });
      const sid = sessionIdOfClient(client);
      slots.add(sid.slice(4, 6));
      expect((await post(connection, sid, "3")).status).toBe(200);
      expect((await addressOn(connection, extraHeaders)).address).toBe("192.0.2.7");
    }
    expect(slots.size).toBe(2);
  });
});

describe("with --proxy-protocol", () => {
  let host: Holdfast;
  beforeAll(async () => {
    const args = [
      "--trust-proxy",
      "127.0.0.1",
      "--proxy-protocol",
      "--max-connections-per-ip",
      "2",
      "--header-timeout",
      "2s",
    ];
    host = await startHoldfast({ app: "address.mjs", args });
  });

  test("version 1 tells the address, for every request of the connection", async () => {
    const connection = await openRaw(host);
    connection.write("PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n");
    for (let i = 0; i < 2; i++) {
      expect(await addressOn(connection)).toMatchObject({ address: "192.0.2.7", family: "IPv4", port: 4_711 });
    }
  });

  test("version 2 does, in pieces", async () => {
    const connection = await openRaw(host);
    const header = Buffer.from(`${SIGNATURE}21210024${"20010db8".padEnd(31, "0")}7${"0".repeat(31)}1ffff0050`, "hex");
    await connection.writeSplit(header, [1, 12, 13, 16, 30, header.length - 1]);
    expect(await addressOn(connection)).toMatchObject({ address: "2001:db8::7", family: "IPv6", port: 65_535 });
  });

  test("a session that is forwarded to its worker keeps it", async () => {
    const connections = await Promise.all(
      ["192.0.2.11", "192.0.2.12"].map(async (address) => {
        const connection = await openRaw(host);
        connection.write(`PROXY TCP4 ${address} 192.0.2.1 4711 80\r\n`);
        return { address, connection, sid: await handshake(connection) };
      }),
    );
    for (const { connection } of connections) {
      for (const { sid } of connections) expect((await post(connection, sid, "3")).status).toBeLessThan(500);
    }
    for (const { connection, address } of connections) expect((await addressOn(connection)).address).toBe(address);
  });

  test("the proxy's own health check is from the proxy", async () => {
    const connection = await openRaw(host);
    connection.write(Buffer.from(`${SIGNATURE}20000000`, "hex"));
    expect((await addressOn(connection)).address).toBe("127.0.0.1");
  });

  test("limits count the client, not the proxy", async () => {
    const statuses: (number | undefined)[] = [];
    for (const address of ["192.0.2.8", "192.0.2.8", "192.0.2.8", "192.0.2.9"]) {
      const connection = await openRaw(host);
      connection.write(`PROXY TCP4 ${address} 192.0.2.1 4711 80\r\n${head(`GET ${handshakeTarget} HTTP/1.1`)}`);
      statuses.push((await connection.response()).status);
    }
    expect(statuses).toEqual([200, 200, 503, 200]);
  });

  test.each([
    ["a request without the header", head("GET /address HTTP/1.1")],
    ["a malformed header", "PROXY TCP4 192.0.2.7\r\nGET /address HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["half a header that goes no further", "PROXY TCP4 192.0"],
  ])("%s is closed without a word, and counted", async (_, bytes) => {
    const before = (await host.status()).counters.acceptorClosedMisproxied as number;
    const connection = await openRaw(host);
    connection.write(bytes);
    expect((await connection.untilClosed()).bytes.length).toBe(0);
    expect((await host.status()).counters.acceptorClosedMisproxied).toBe(before + 1);
  });

  test("who is no trusted proxy needs no header, and has no use for one", async () => {
    expect((await addressOn(await from(host, "127.0.0.3"))).address).toBe("127.0.0.3");
    const liar = await from(host, "127.0.0.4");
    liar.write("PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n");
    expect((await liar.response()).status).toBe(400);
  });
});

test("the peers of a Unix socket can be trusted by name", async () => {
  const path = join(temporaryDirectory(), "public.sock");
  await startHoldfast({ app: "address.mjs", args: ["--listen", `unix:${path}`, "--trust-proxy", "unix"] });
  const connection = await openRaw({ path });
  expect((await addressOn(connection, { "x-forwarded-for": "192.0.2.7" })).address).toBe("192.0.2.7");
});

test("inside of TLS it is the one that the PROXY header in front told, and a limit past it closes without a word", async () => {
  const args = ["--trust-proxy", "127.0.0.1", "--proxy-protocol", "--max-connections-per-ip", "2"];
  const { host, server } = await startSecurely({ app: "address.mjs", args });
  const dial = async (address: string) => {
    const socket = connectPlain({ port: Number(new URL(host.url).port), host: "127.0.0.1" });
    onCleanup(() => socket.destroy());
    await once(socket, "connect");
    socket.write(`PROXY TCP4 ${address} 192.0.2.1 4711 80\r\n`);
    return dialSecurely(server, { socket });
  };
  for (let i = 0; i < 2; i++) {
    expect(await addressOn(await dial("192.0.2.7"))).toMatchObject({ address: "192.0.2.7", port: 4_711 });
  }
  await expect(dial("192.0.2.7")).rejects.toThrow(/disconnected before|ECONNRESET/);
  expect((await addressOn(await dial("192.0.2.8"))).address).toBe("192.0.2.8");
  expect((await host.status()).counters).toMatchObject({ acceptorRefused503: 1, acceptorRefusedConnectionsPerIp: 1 });
});
