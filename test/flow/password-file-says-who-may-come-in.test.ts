// --basic-auth: plain requests and handshakes need a user of the file; sessions and management endpoints do not.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";
import { connect, open, upgraded } from "./support/client.js";
import { type Holdfast, startExpectingExit, startHoldfast } from "./support/holdfast.js";
import { handshakeTarget, head, openRaw, type RawResponse, websocketHead } from "./support/raw.js";

const SHA = `{SHA}${createHash("sha1").update("builder").digest("base64")}`;
const ADA = basic("ada", "lovelace");
const BOB = basic("bob", "builder");
const PAGE = "https://page.example";

const hash = (password: string) => bcrypt.hashSync(password, 6).replace("$2b$", "$2y$");

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function passwordFile(...lines: string[]): string {
  const path = join(temporaryDirectory(), "htpasswd");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

async function ask(host: Holdfast, target: string, headers = {}, method = "GET"): Promise<RawResponse> {
  const connection = await openRaw(host);
  connection.write(head(`${method} ${target} HTTP/1.1`, { host: "a", ...headers }));
  return connection.response();
}

describe("with --basic-auth", () => {
  let host: Holdfast;
  beforeAll(async () => {
    const file = passwordFile(`ada:${hash("lovelace")}`, `bob:${SHA}`);
    host = await startHoldfast({ app: "handler-app.mjs", args: ["--basic-auth", file, "--cors-origin", PAGE] });
  });

  test.each(["/slot", "/nowhere", handshakeTarget, "/socket.io/socket.io.js"])(
    "%s needs a password",
    async (target) => {
      const none = await ask(host, target);
      expect([none.status, none.headers["www-authenticate"]]).toEqual([401, 'Basic realm="holdfast", charset="UTF-8"']);
      expect((await ask(host, target, { authorization: basic("ada", "wrong") })).status).toBe(401);
      expect((await ask(host, target, { authorization: basic("eve", "lovelace") })).status).toBe(401);
      for (const authorization of [ADA, BOB]) expect((await ask(host, target, { authorization })).status).not.toBe(401);
    },
  );

  test("a WebSocket needs one for its handshake", async () => {
    const refused = await openRaw(host);
    refused.write(websocketHead());
    expect((await refused.response()).status).toBe(401);
    const served = await openRaw(host);
    served.write(websocketHead().replace("\r\n\r\n", `\r\nAuthorization: ${ADA}\r\n\r\n`));
    expect(String(await served.bytesUntil("\r\n\r\n"))).toMatch(/^HTTP\/1.1 101 /);
  });

  test("a client that gives it once, in its handshake, polls and upgrades", async () => {
    const client = open(host, {
      transport: "both",
      options: { transportOptions: { polling: { extraHeaders: { authorization: ADA } } } },
    });
    await upgraded(client);
    expect(await client.emitWithAck("echo", 1)).toBe(1);
  });

  test("the page that asked can read the refusal, and a preflight, which has no password, is let through", async () => {
    const { status, headers } = await ask(host, handshakeTarget, { origin: PAGE });
    expect([status, headers["access-control-allow-origin"]]).toEqual([401, PAGE]);
    const asks = { origin: PAGE, "access-control-request-method": "GET", "access-control-request-headers": "x" };
    expect((await ask(host, handshakeTarget, asks, "OPTIONS")).status).toBe(204);
    expect((await ask(host, "/slot", asks, "OPTIONS")).status).toBe(401);
  });

  test("a body that comes with a refused request is not waited for", async () => {
    const connection = await openRaw(host);
    connection.write(head("POST /echo HTTP/1.1", { host: "a", "content-length": 50_000_000 }));
    expect((await connection.response()).status).toBe(401);
    await connection.untilClosed();
  });

  test("the management endpoints do not ask for it", async () => {
    for (const path of ["/livez", "/readyz"]) {
      const status = await new Promise((resolve) => {
        request(`${host.manageUrl}${path}`, (answer) => resolve(answer.resume().statusCode)).end();
      });
      expect(status).toBe(200);
    }
  });
});

test("who guesses is told to wait, by address; who has been in goes on, and the log says so", async () => {
  const host = await startHoldfast({
    app: "handler-app.mjs",
    workers: 1,
    args: ["--basic-auth", passwordFile(`bob:${SHA}`)],
  });
  expect((await ask(host, "/slot", { authorization: BOB })).status).toBe(200);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++)
    statuses.push((await ask(host, "/slot", { authorization: basic("bob", `${i}`) })).status);
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  const limited = await ask(host, "/slot", { authorization: basic("bob", "x") });
  expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
  expect((await ask(host, "/slot", { authorization: BOB })).status).toBe(200);
  await host.waitForLog(({ event, reason }) => event === "dropped" && reason === "password-limited");
});

test("a changed file is read at a reload, and a wrong one changes nothing", async () => {
  const file = passwordFile(`ada:${hash("lovelace")}`);
  const host = await startHoldfast({ app: "handler-app.mjs", args: ["--basic-auth", file] });
  writeFileSync(file, "ada:$apr1$x$y\n");
  host.signal("SIGHUP");
  const failed = await host.waitForLog("reload-failed");
  expect(failed.reason).toContain("line 1 holds an MD5 hash (apr1)");
  expect((await ask(host, "/slot", { authorization: ADA })).status).toBe(200);
  writeFileSync(file, `bob:${SHA}\n`);
  host.signal("SIGHUP");
  await host.waitForLog("reloaded");
  expect((await ask(host, "/slot", { authorization: BOB })).status).toBe(200);
  expect((await ask(host, "/slot", { authorization: ADA })).status).toBe(401);
});

test("a file of weak hashes ends the start, naming the line", async () => {
  const { code, stderr } = await startExpectingExit({
    args: ["--basic-auth", passwordFile(`bob:${SHA}`, "ada:lovelace")],
  });
  expect(code).toBe(78);
  expect(stderr).toMatch(/basic-auth is .*line 2 holds a crypt hash or a plain password/);
  expect(stderr).not.toContain("lovelace");
});

test("a client of socket.io-client gives it in its URL or headers", async () => {
  const file = passwordFile(`bob:${SHA}`);
  const host = await startHoldfast({ app: "echo.mjs", args: ["--basic-auth", file] });
  for (const transport of ["websocket", "polling"] as const) {
    const client = await connect(host, { transport, options: { extraHeaders: { authorization: BOB } } });
    expect(await client.emitWithAck("echo", 1)).toBe(1);
  }
});
