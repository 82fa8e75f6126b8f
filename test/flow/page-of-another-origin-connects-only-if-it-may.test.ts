// G16, threat 6: --cors-origin holds for polling and for WebSockets, before anything is answered; CORS does not cover those.
import { beforeAll, describe, expect, test } from "vitest";
import { connect } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, openSession, sessionTarget } from "./support/polling.js";
import { handshakeTarget, head, openRaw, type RawResponse, websocketHead } from "./support/raw.js";

const GOOD = "https://good.example";
const EVIL = "https://evil.example";
const FORBIDDEN = '{"code":4,"message":"Forbidden"}';

type Headers = Record<string, string | number>;

async function ask(host: Holdfast, line: string, headers: Headers, body = ""): Promise<RawResponse> {
  const connection = await openRaw(host);
  connection.write(head(`${line} HTTP/1.1`, { host: "a", ...headers }) + body);
  return connection.response();
}

/** The status of a WebSocket's opening from a page of this origin. */
async function openWebSocket(host: Holdfast, origin: string | undefined): Promise<number> {
  const connection = await openRaw(host);
  const opening = websocketHead();
  connection.write(origin === undefined ? opening : opening.replace("\r\n\r\n", `\r\nOrigin: ${origin}\r\n\r\n`));
  const answer = String(await connection.bytesUntil("\r\n\r\n"));
  return Number(answer.split(" ")[1]);
}

describe("with --cors-origin", () => {
  let host: Holdfast;
  beforeAll(async () => {
    host = await startHoldfast({ app: "cors-app.mjs", args: ["--cors-origin", GOOD] });
  });

  test("a page that is named connects by polling and by WebSocket, and may read the answers", async () => {
    const { status, headers } = await ask(host, `GET ${handshakeTarget}`, { origin: GOOD });
    expect([status, headers["access-control-allow-origin"]]).toEqual([200, GOOD]);
    expect(headers["access-control-allow-credentials"]).toBe("true");
    expect(await openWebSocket(host, GOOD)).toBe(101);
  });

  test.each([EVIL, "null", `${GOOD}.evil.example`, "https://GOOD.example", `${GOOD}:8443`, "http://good.example", ""])(
    "a page of %j is refused by polling and by WebSocket",
    async (origin) => {
      const { status, headers, body } = await ask(host, `GET ${handshakeTarget}`, { origin });
      expect([status, String(body)]).toEqual([403, FORBIDDEN]);
      expect(headers["access-control-allow-origin"]).toBeUndefined();
      expect(await openWebSocket(host, origin)).toBe(403);
    },
  );

  test("two origins in one request are none that may connect", async () => {
    for (const [one, other] of [
      [GOOD, EVIL],
      [EVIL, GOOD],
    ]) {
      const connection = await openRaw(host);
      connection.write(`GET ${handshakeTarget} HTTP/1.1\r\nHost: a\r\nOrigin: ${one}\r\nOrigin: ${other}\r\n\r\n`);
      expect((await connection.response()).status).toBe(403);
    }
  });

  test("a page that may not connect cannot use a session that it knows of, on any worker", async () => {
    const sid = await openSession(host);
    for (let i = 0; i < 4; i++) {
      const evil = await ask(host, `POST ${sessionTarget(sid)}`, { origin: EVIL, "content-length": 2 }, "40");
      expect(evil.status).toBe(403);
    }
    const connection = await openRaw(host);
    const other = await handshake(connection);
    connection.write(head(`POST ${sessionTarget(sid)} HTTP/1.1`, { host: "a", origin: EVIL, "content-length": 2 }));
    connection.write("40");
    expect([(await connection.response()).status, other === sid]).toEqual([403, false]);
    expect((await ask(host, `POST ${sessionTarget(sid)}`, { origin: GOOD, "content-length": 2 }, "40")).status).toBe(
      200,
    );
  });

  test("what is no browser sends no origin, and connects", async () => {
    for (const transport of ["polling", "websocket", "both"] as const) {
      expect((await connect(host, { transport })).connected).toBe(true);
    }
  });

  test("a preflight is answered for the named, and refused to others", async () => {
    const asks = { "access-control-request-method": "POST", "access-control-request-headers": "x-a" };
    const good = await ask(host, `OPTIONS ${handshakeTarget}`, { origin: GOOD, ...asks });
    expect([good.status, good.headers["access-control-allow-origin"]]).toEqual([204, GOOD]);
    expect((await ask(host, `OPTIONS ${handshakeTarget}`, { origin: EVIL, ...asks })).status).toBe(403);
  });

  test("it stands instead of the app's own", async () => {
    expect((await ask(host, `GET ${handshakeTarget}`, { origin: "https://own.example" })).status).toBe(403);
  });

  test("what is refused is counted in the log", async () => {
    await ask(host, `GET ${handshakeTarget}`, { origin: EVIL });
    await host.waitForLog(({ event, reason }) => event === "dropped" && reason === "origin-refused");
  });
});

test("with * every page connects, and may read the answers", async () => {
  const host = await startHoldfast({ app: "echo.mjs", args: ["--cors-origin", "*"] });
  for (const origin of [EVIL, "null"]) {
    const { status, headers } = await ask(host, `GET ${handshakeTarget}`, { origin });
    expect([status, headers["access-control-allow-origin"]]).toEqual([200, "*"]);
    expect(headers["access-control-allow-credentials"]).toBeUndefined();
    expect(await openWebSocket(host, origin)).toBe(101);
  }
});

test("without it the app's own cors stands, as with Socket.IO alone", async () => {
  const host = await startHoldfast({ app: "cors-app.mjs" });
  const own = await ask(host, `GET ${handshakeTarget}`, { origin: "https://own.example" });
  expect([own.status, own.headers["access-control-allow-origin"]]).toEqual([200, "https://own.example"]);
  const evil = await ask(host, `GET ${handshakeTarget}`, { origin: EVIL });
  expect([evil.status, evil.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
  expect(await openWebSocket(host, EVIL)).toBe(101);
});
