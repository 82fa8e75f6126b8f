import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { head, openRaw } from "./support/raw.js";

const TOKEN = "a-token-of-the-test";

async function get(host: Holdfast, path: string, headers: Record<string, string> = {}) {
  const { port } = new URL(host.manageUrl);
  const connection = await openRaw({ host: "127.0.0.1", port: Number(port) });
  connection.write(head(`GET ${path} HTTP/1.1`, { host: `localhost:${port}`, ...headers }));
  return connection.response();
}

test("off loopback without a token, only /livez and /readyz answer", async () => {
  const host = await startHoldfast({ args: ["--manage", "0.0.0.0:0"] });
  expect((await get(host, "/livez")).status).toBe(200);
  expect((await get(host, "/readyz")).status).toBe(200);
  const refused = await get(host, "/status");
  expect(refused.status).toBe(403);
  expect(refused.body.toString()).toContain("--manage-token");
});

test("off loopback with a token from a file, /status asks for it and the log does not hold it", async () => {
  const file = join(temporaryDirectory(), "token");
  writeFileSync(file, `${TOKEN}\n`);
  const host = await startHoldfast({
    args: ["--manage", "0.0.0.0:0", "--log-level", "trace"],
    env: { HOLDFAST_MANAGE_TOKEN_FILE: file },
  });
  const refused = await get(host, "/status");
  expect(refused.status).toBe(401);
  expect(refused.headers["www-authenticate"]).toMatch(/^Bearer/);
  expect((await get(host, "/status", { authorization: `Bearer ${TOKEN}x` })).status).toBe(401);
  const answered = await get(host, "/status", { authorization: `Bearer ${TOKEN}` });
  expect(answered.status).toBe(200);
  expect(answered.body.toString()).not.toContain(TOKEN);
  expect(host.stdout + host.stderr).not.toContain(TOKEN);
});

test("on loopback, a page that points its own name there is refused", async () => {
  const host = await startHoldfast();
  expect((await get(host, "/status")).status).toBe(200);
  expect((await get(host, "/status", { host: "rebound.example:9464" })).status).toBe(403);
});
