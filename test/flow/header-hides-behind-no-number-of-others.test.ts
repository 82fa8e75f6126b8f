// Node hides headers behind a thousand others from whoever asks for them, and reads the body by them all the same. A head of
// 5 kB could so take its length past a limit, its origin past a list, or its address past a proxy.
import { beforeAll, expect, test } from "vitest";
import { ownerOf } from "../../src/protocol/session-id.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, poll, sessionTarget } from "./support/polling.js";
import { handshakeTarget, openRaw, type RawConnection } from "./support/raw.js";

const OTHERS = "a:\r\n".repeat(2_500);
const LIMIT_BYTES = 1_000_000;
const CLIENT = "192.0.2.7";

let host: Holdfast;
beforeAll(async () => {
  const args = [
    "--max-body",
    String(LIMIT_BYTES),
    "--cors-origin",
    "https://good.example",
    "--trust-proxy",
    "127.0.0.1",
  ];
  host = await startHoldfast({ app: "behind-nginx.mjs", args });
});

/** A head with the others in front of what counts. */
function crowded(line: string, ...headers: string[]): string {
  return `${line}\r\nHost: a\r\n${OTHERS}${headers.map((header) => `${header}\r\n`).join("")}\r\n`;
}

async function ask(...bytes: string[]): Promise<RawConnection> {
  const connection = await openRaw(host);
  for (const each of bytes) connection.write(each);
  return connection;
}

test("a length is one, and too long", async () => {
  const connection = await ask(crowded("POST /upload HTTP/1.1", `Content-Length: ${LIMIT_BYTES + 1}`));
  expect((await connection.response()).status).toBe(413);
});

test("chunks are, and too many", async () => {
  const chunk = `${LIMIT_BYTES.toString(16)}\r\n${"x".repeat(LIMIT_BYTES)}\r\n`;
  const connection = await ask(crowded("POST /upload HTTP/1.1", "Transfer-Encoding: chunked"), chunk, chunk);
  expect((await connection.response()).status).toBe(413);
});

test("an origin is one, and may not connect", async () => {
  const connection = await ask(crowded(`GET ${handshakeTarget} HTTP/1.1`, "Origin: https://evil.example"));
  expect((await connection.response()).status).toBe(403);
});

test("a proxy's word is the last, and believed", async () => {
  const connection = await ask(crowded("GET /peer HTTP/1.1", `X-Forwarded-For: ${CLIENT}`));
  expect(JSON.parse(String((await connection.response()).body))).toEqual({ address: CLIENT });
});

test("a body for a session of another worker arrives there", async () => {
  const own = await openRaw(host);
  const sid = await handshake(own);
  let strange = await openRaw(host);
  while (ownerOf(await handshake(strange))?.slot === ownerOf(sid)?.slot) strange = await openRaw(host);
  strange.write(`${crowded(`POST ${sessionTarget(sid)} HTTP/1.1`, "Content-Length: 2")}40`);
  expect(await strange.response()).toMatchObject({ status: 200, body: Buffer.from("ok") });
  expect(String((await poll(own, sid)).body)).toMatch(/^40\{/);
});
