// C08–C11, C25: what breaks the rules of WebSocket or Engine.IO is answered as they say, and nobody else notices.
import { deflateRawSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { connect } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, poll, sessionTarget, UNKNOWN_SESSION } from "./support/polling.js";
import { rssBytes } from "./support/process.js";
import { head, openRaw, type RawConnection, websocketHead } from "./support/raw.js";

const MB = 1024 * 1024;
const FIN = 0x80;
const TEXT = 1;
const COMPRESSED = 0x40;
const MASKED = 0x80;

let host: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "echo.mjs", workers: 1 });
});

async function openWebSocket(): Promise<RawConnection> {
  const connection = await openRaw(host);
  connection.write(websocketHead());
  await connection.bytesUntil('"maxPayload"');
  connection.write(frame(FIN | TEXT, Buffer.from("40")));
  await connection.bytesUntil("40{");
  return connection;
}

/** With a mask of zeros the payload is as it is. */
function frame(first: number, payload: Buffer, { masked = true, length = payload.length } = {}): Buffer {
  const size = Buffer.alloc(length < 126 ? 1 : 9);
  if (length < 126) size[0] = length;
  else size.writeBigUInt64BE(BigInt(length), 1);
  if (length >= 126) size[0] = 127;
  if (masked) size[0] = (size[0] as number) | MASKED;
  return Buffer.concat([Buffer.from([first]), size, Buffer.alloc(masked ? 4 : 0), payload]);
}

test.each<[string, Buffer, number]>([
  ["invalid UTF-8", frame(FIN | TEXT, Buffer.from([0x34, 0x32, 0xff, 0xfe])), 1007],
  ["a reserved bit", frame(FIN | 0x40 | TEXT, Buffer.from("2")), 1002],
  ["a reserved opcode", frame(FIN | 3, Buffer.from("2")), 1002],
  ["no mask", frame(FIN | TEXT, Buffer.from("2"), { masked: false }), 1002],
  ["a continuation of nothing", frame(FIN | 0, Buffer.from("2")), 1002],
  ["a control frame in pieces", frame(9, Buffer.from("2")), 1002],
  ["a control frame that is too long", frame(FIN | 9, Buffer.alloc(200)), 1002],
  ["a close frame of one byte", frame(FIN | 8, Buffer.from([3])), 1002],
  ["a length beyond any", frame(FIN | TEXT, Buffer.alloc(0), { length: 2 ** 52 }), 1009],
  ["one byte more than the app takes", frame(FIN | TEXT, Buffer.alloc(0), { length: MB + 1 }), 1009],
])("%s closes the connection with its code, and no other", async (_, bytes, code) => {
  const other = await connect(host);
  const before = rssBytes((await host.worker(0)).pid);
  const connection = await openWebSocket();
  connection.write(bytes);
  expect(await closeCode(connection)).toBe(code);
  expect(await other.emitWithAck("echo", 1)).toBe(1);
  expect(rssBytes((await host.worker(0)).pid) - before).toBeLessThan(20 * MB);
  expect((await host.worker(0)).restarts).toBe(0);
});

test("a message in 200,000 empty pieces is closed as abuse, and costs next to nothing", async () => {
  const other = await connect(host);
  const { pid } = await host.worker(0);
  const connection = await openWebSocket();
  const before = rssBytes(pid);
  const first = frame(TEXT, Buffer.from("2"));
  connection.write(Buffer.concat([first, ...Array(200_000).fill(frame(0, Buffer.alloc(0)))]));
  expect(await closeCode(connection)).toBe(1008);
  expect(rssBytes(pid) - before).toBeLessThan(50 * MB);
  expect(await other.emitWithAck("echo", 1)).toBe(1);
});

const DEFLATE = "permessage-deflate; client_max_window_bits";

test("compression is not agreed on, unless the app asks for it", async () => {
  const connection = await openRaw(host);
  connection.write(websocketHead().replace("\r\n\r\n", `\r\nSec-WebSocket-Extensions: ${DEFLATE}\r\n\r\n`));
  const { status, headers } = await connection.response();
  expect([status, headers["sec-websocket-extensions"]]).toEqual([101, undefined]);
});

test("what unpacks to a thousand times its size is closed before it is unpacked", async () => {
  const host = await startHoldfast({ app: "deflate.mjs", workers: 1 });
  const other = await connect(host);
  const { pid } = await host.worker(0);
  const connection = await openRaw(host);
  connection.write(websocketHead().replace("\r\n\r\n", `\r\nSec-WebSocket-Extensions: ${DEFLATE}\r\n\r\n`));
  expect((await connection.response()).headers["sec-websocket-extensions"]).toContain("permessage-deflate");
  const bomb = deflateRawSync(Buffer.alloc(1_000 * MB, "x"));
  expect(bomb.length).toBeLessThan(2 * MB);
  const before = rssBytes(pid);
  // Of a million bytes, as many as are taken of a message.
  connection.write(frame(FIN | COMPRESSED | TEXT, bomb.subarray(0, MB)));
  expect(await closeCode(connection)).toBe(1009);
  expect(rssBytes(pid) - before).toBeLessThan(20 * MB);
  expect(await other.emitWithAck("echo", 1)).toBe(1);
}, 120_000);

/** Of the close frame that a connection ends with. */
async function closeCode(connection: RawConnection): Promise<number> {
  const end = (await connection.untilClosed(20_000)).bytes;
  return end.readUInt16BE(end.lastIndexOf(FIN | 8) + 2);
}

test("a binary body over polling is refused, and ends the session", async () => {
  const connection = await openRaw(host);
  const sid = await handshake(connection);
  const headers = { host: "a", "content-type": "application/octet-stream", "content-length": 2 };
  connection.write(`${head(`POST ${sessionTarget(sid)} HTTP/1.1`, headers)}40`);
  expect((await connection.response()).status).toBe(400);
  const { status, body } = await poll(await openRaw(host), sid);
  expect([status, String(body)]).toEqual([400, UNKNOWN_SESSION]);
});
