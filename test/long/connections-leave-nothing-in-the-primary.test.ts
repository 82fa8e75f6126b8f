// What the primary keeps of connections that have come and gone: nothing. Half are WebSockets, half plain requests; memory
// is read after a collection (the inspector's), or it would measure when V8 last felt like one.
import { connect } from "node:net";
import { test } from "vitest";
import { startHoldfast } from "../flow/support/holdfast.js";
import { expectSameFootprint, footprint } from "../flow/support/leak.js";

const CONNECTIONS = 20_000;
const AT_ONCE = 50;
const MOST_GROWTH_BYTES = 5 * 1024 * 1024;

const PLAIN = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const UPGRADE =
  "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

test("20,000 connections opened and closed leave no descriptor, no map entry and at most 5 MB", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 3, inspect: true });
  const port = Number(new URL(host.url).port);
  await openAndClose(port, CONNECTIONS);
  const before = await footprint(host);
  await openAndClose(port, CONNECTIONS);
  await expectSameFootprint(host, before, { rssBytes: MOST_GROWTH_BYTES, withinMs: 60_000 });
});

async function openAndClose(port: number, count: number): Promise<void> {
  let opened = 0;
  const one = async () => {
    while (opened < count) await openOne(port, opened++ % 2 === 0 ? UPGRADE : PLAIN);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Closes as soon as it is answered; one that is not answered fails. */
function openOne(port: number, request: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.once("data", () => {
      answered = true;
      socket.destroy();
    });
    socket.on("error", reject);
    socket.once("close", () => (answered ? resolve() : reject(new Error("closed without an answer"))));
  });
}
