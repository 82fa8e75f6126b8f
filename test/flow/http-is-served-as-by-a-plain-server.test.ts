// B18, B20, B22: what an app and a client know of HTTP holds, because the worker has the connection itself.
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";
import { connect } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { startPlain } from "./support/plain.js";
import { cpuMs } from "./support/process.js";
import { head, openRaw, websocketHead } from "./support/raw.js";

let host: Holdfast;
let plain: { url: string };
beforeAll(async () => {
  host = await startHoldfast({ app: "handler-app.mjs", workers: 2 });
  plain = await startPlain("handler-app.mjs");
});

test.each([
  ["a body that is announced", "POST", { expect: "100-continue", "content-length": 5 }, "hello", 2],
  [
    "a chunked body with a trailer",
    "POST",
    { "transfer-encoding": "chunked", trailer: "x" },
    "5\r\nhello\r\n0\r\nx: y\r\n\r\n",
    1,
  ],
  ["an expectation that nobody knows", "POST", { expect: "miracles", "content-length": 0 }, "", 1],
  ["HEAD", "HEAD", {}, "", 1],
  ["a connection to be closed", "GET", { connection: "close" }, "", 1],
  ["an upgrade that nobody serves", "GET", { connection: "Upgrade", upgrade: "h2c" }, "", 0],
])("%s is answered as by plain Node", async (_, method, headers, body, responses) => {
  const answers = await Promise.all(
    [host, plain].map(async (server) => {
      const connection = await openRaw(server);
      const target = method === "POST" ? "/echo" : "/none";
      connection.write(head(`${method} ${target} HTTP/1.1`, { host: "a", ...headers }) + body);
      if (responses === 0) return (await connection.untilClosed()).bytes.length > 0;
      const statuses = [];
      if (method === "HEAD") return (await connection.bytesUntil("\r\n\r\n")).toString("latin1").slice(0, 12);
      for (let i = 0; i < responses; i++) statuses.push((await connection.response()).status);
      return statuses;
    }),
  );
  // Plain Socket.IO closes such an upgrade without a word after a second; ours says why.
  if (responses === 0) expect(answers[0]).toBe(true);
  else expect(answers[0]).toEqual(answers[1]);
});

test("kept-alive connections stay with their worker, with plain requests one behind the other", async () => {
  const connection = await openRaw(host);
  const slots = new Set<number>();
  for (let i = 0; i < 50; i++) {
    connection.write(head("GET /slot HTTP/1.1"));
    const { headers, body } = await connection.response();
    expect(headers.connection).toBe("keep-alive");
    slots.add(JSON.parse(String(body)).slot);
  }
  expect(slots.size).toBe(1);
});

test("a WebSocket whose upgrade has a length of 0 is the worker's alone", async () => {
  const connection = await openRaw(host);
  connection.write(websocketHead().replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"));
  expect((await connection.response()).status).toBe(101);
  await connection.bytesUntil('"sid"');
  const before = cpuMs(host.pid);
  // 2,000 pings of the protocol below Engine.IO: masked, without payload.
  const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
  for (let i = 0; i < 2_000; i++) connection.write(ping);
  await connection.bytes(2 * 2_000);
  expect(cpuMs(host.pid) - before).toBeLessThan(50);
});

test.each([
  ["127.0.0.1", "127.0.0.1", "127.0.0.1", "IPv4"],
  ["::1", "::1", "::1", "IPv6"],
  ["::", "127.0.0.1", "::ffff:127.0.0.1", "IPv6"],
])("on %s the app sees a client of %s as %s", async (address, from, seen, family) => {
  const served = await startHoldfast({ app: "address.mjs", workers: 2, args: ["--host", address] });
  const port = Number(new URL(served.url).port);
  const url = `http://${from.includes(":") ? `[${from}]` : from}:${port}`;
  const answer = await (await fetch(`${url}/address`)).json();
  expect(answer).toMatchObject({ address: seen, family });
  for (const transport of ["polling", "websocket"] as const) {
    const client = await connect({ url }, { transport });
    expect(await client.emitWithAck("address")).toBe(seen);
  }
});

test("on a Unix socket the app serves, and no address is made up", async () => {
  const socketPath = join(temporaryDirectory(), "public.sock");
  await startHoldfast({ app: "address.mjs", workers: 2, args: ["--listen", `unix:${socketPath}`] });
  const outgoing = request({ socketPath, path: "/address" }).end();
  const [response] = await once(outgoing, "response");
  const chunks = await response.setEncoding("utf8").toArray();
  expect(JSON.parse(chunks.join(""))).toEqual({ slot: expect.any(Number) });
  const upgrade = await openRaw({ path: socketPath });
  upgrade.write(websocketHead());
  expect((await upgrade.response()).status).toBe(101);
});
