// Threat 2: limits of connections and of their rate are kept by the primary; who has a session is in already.
import { expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, poll, post } from "./support/polling.js";
import { handshakeTarget, head, openRaw, type RawConnection, websocketHead, websocketTarget } from "./support/raw.js";

const ORIGIN = "https://page.example";

async function start(...args: string[]): Promise<Holdfast> {
  return startHoldfast({ app: "echo.mjs", args });
}

async function ask(host: Holdfast, headers: Record<string, string> = {}, line = `GET ${handshakeTarget} HTTP/1.1`) {
  const connection = await openRaw(host);
  connection.write(head(line, { host: "a", ...headers }));
  return { connection, ...(await connection.response()) };
}

test("past --max-connections new ones get 503 and a time to come back, and no worker hears of them", async () => {
  const host = await start("--max-connections=2");
  const [first] = [await ask(host), await ask(host)];
  const { status, headers, connection } = await ask(host);
  expect([status, headers["retry-after"], headers.connection]).toEqual([503, "1", "close"]);
  await connection.untilClosed();
  const { counters } = await host.status();
  expect(counters).toMatchObject({ acceptorHandedOff: 2, acceptorRefusedConnections: 1 });
  first.connection.reset();
  await eventually(
    () => ask(host),
    (answer) => answer.status === 200,
    { what: "a place for the next" },
  );
});

test("a connection that closes before it was served leaves its place to others", async () => {
  const host = await start("--max-connections=1");
  for (let i = 0; i < 10; i++) {
    const connection = await openRaw(host);
    connection.write("GET /");
    connection.reset();
  }
  await eventually(
    () => host.status(),
    ({ counters }) => counters.acceptorOpen === 0,
    { what: "all closed" },
  );
  expect((await ask(host)).status).toBe(200);
});

test("the places of a worker that was killed are free again", async () => {
  const host = await start("--max-connections=8");
  for (let i = 0; i < 8; i++) await ask(host);
  expect((await ask(host)).status).toBe(503);
  process.kill((await host.worker(0)).pid, "SIGKILL");
  await eventually(
    () => ask(host),
    (answer) => answer.status === 200,
    { what: "a place for the next" },
  );
});

test("past --max-connections-per-ip new ones of that address get 503, others are served", async () => {
  const host = await start("--max-connections-per-ip=2");
  const port = Number(new URL(host.url).port);
  const from = async (localAddress: string) => {
    const connection = await openRaw({ port, host: "127.0.0.1", localAddress } as never);
    connection.write(head(`GET ${handshakeTarget} HTTP/1.1`));
    return (await connection.response()).status;
  };
  const statuses = [await from("127.0.0.1"), await from("127.0.0.1"), await from("127.0.0.1"), await from("127.0.0.2")];
  expect(statuses).toEqual([200, 200, 503, 200]);
});

test("past --connect-rate new ones get 503, a moment later they are served", async () => {
  const host = await start("--connect-rate=4/s");
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(host)));
  const served = answers.filter(({ status }) => status === 200).length;
  expect(served).toBeGreaterThanOrEqual(4);
  expect(served).toBeLessThan(8);
  await eventually(
    () => ask(host),
    (answer) => answer.status === 200,
    { what: "a place for the next" },
  );
});

test("who names a session of a living worker passes the limits, who makes one up of a dead one does not", async () => {
  const host = await start("--max-connections=1", "--connect-rate=1/s");
  const sid = await handshake(await openRaw(host));
  expect((await ask(host)).status).toBe(503);
  expect(String((await post(await openRaw(host), sid, "40")).body)).toBe("ok");
  expect((await poll(await openRaw(host), sid)).status).toBe(200);
  const upgrade = await openRaw(host);
  upgrade.write(websocketHead(`${websocketTarget}&sid=${sid}`));
  expect(String(await upgrade.bytesUntil("\r\n\r\n"))).toMatch(/^HTTP\/1.1 101 /);
  const unknown = `${sid.slice(0, 4)}zzzz${sid.slice(8)}`;
  expect((await ask(host, {}, `GET ${handshakeTarget}&sid=${unknown} HTTP/1.1`)).status).toBe(503);
});

test("a page of an allowed origin can read why it was refused, also when its head comes in pieces", async () => {
  const host = await start("--max-connections=1", `--cors-origin=${ORIGIN}`);
  await ask(host);
  const whole = await ask(host, { origin: ORIGIN });
  expect(whole.status).toBe(503);
  expect(whole.headers["access-control-allow-origin"]).toBe(ORIGIN);
  const split = await openRaw(host);
  const bytes = head(`GET ${handshakeTarget} HTTP/1.1`, { host: "a", cookie: "c".repeat(3_000), origin: ORIGIN });
  await split.writeSplit(bytes, [60, 1_500, bytes.length - 8]);
  expect((await split.response()).headers["access-control-allow-origin"]).toBe(ORIGIN);
  const evil = await ask(host, { origin: "https://evil.example" });
  expect([evil.status, evil.headers["access-control-allow-origin"]]).toEqual([503, undefined]);
});

test("a preflight is not what fails past a limit: the request is, and the page can read it", async () => {
  const host = await start("--max-connections=1", `--cors-origin=${ORIGIN}`);
  await ask(host);
  const asks = { origin: ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "x-a" };
  const { status, headers } = await ask(host, asks, `OPTIONS ${handshakeTarget} HTTP/1.1`);
  expect(status).toBe(204);
  expect(headers).toMatchObject({
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "x-a",
  });
});

test("thousands of refused connections leave nothing behind", async () => {
  const host = await start("--max-connections=50", "--max-connections-per-ip=40");
  const connections: RawConnection[] = [];
  for (let i = 0; i < 20; i++) {
    connections.push(
      ...(await Promise.all(Array.from({ length: 100 }, () => openRaw(host).catch(() => undefined)))).filter(
        (each) => each !== undefined,
      ),
    );
  }
  for (const connection of connections) connection.reset();
  await eventually(
    () => host.status(),
    ({ counters }) => counters.acceptorOpen === 0 && counters.acceptorAddresses === 0,
    { withinMs: 15_000, what: "all closed" },
  );
  expect((await ask(host)).status).toBe(200);
});
