import { expect, test } from "vitest";
import { startPlain } from "./plain.js";
import { handshakeTarget, head, openRaw, websocketHead } from "./raw.js";

test("responses on one connection are read one by one, with a length or in chunks", async () => {
  const connection = await openRaw(await startPlain("handler-app.mjs"));
  connection.write(head("GET /slot HTTP/1.1"));
  connection.write(`${head("POST /echo HTTP/1.1", { host: "raw", "content-length": 5 })}hello`);
  const slot = await connection.response();
  expect(slot.headers["content-type"]).toBe("application/json");
  expect(JSON.parse(String(slot.body))).toMatchObject({ slot: 0 });
  const echo = await connection.response();
  expect(echo).toMatchObject({ status: 200, reason: "OK", headers: { "transfer-encoding": "chunked" } });
  expect(String(echo.body)).toBe("hello");
});

test("a response without a length lasts until the end", async () => {
  const connection = await openRaw(await startPlain("handler-app.mjs"));
  connection.write("POST /echo HTTP/1.0\r\nhost: raw\r\ncontent-length: 2\r\n\r\nab");
  expect(String((await connection.response()).body)).toBe("ab");
  expect((await connection.untilClosed()).how).toBe("end");
});

test("a head split at every byte is one request", async () => {
  const connection = await openRaw(await startPlain("echo.mjs"));
  const request = head(`GET ${handshakeTarget} HTTP/1.1`);
  await connection.writeSplit(
    request,
    Array.from({ length: request.length - 1 }, (_, i) => i + 1),
  );
  expect((await connection.response()).status).toBe(200);
});

test("an upgrade is answered by 101, and frames follow", async () => {
  const connection = await openRaw(await startPlain("echo.mjs"));
  connection.write(websocketHead());
  expect((await connection.response()).status).toBe(101);
  expect(String(await connection.bytesUntil("sid"))).toContain('0{"sid');
});
