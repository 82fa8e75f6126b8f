import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Carried, Destinations, KeptConnections } from "../../../src/worker/kept-connections.js";
import { beginTest, finishTest, onCleanup } from "../../flow/support/cleanup.js";

beforeEach(beginTest);
afterEach(finishTest);

test("a connection that was given back carries the next, and a second one only what comes meanwhile", async () => {
  const { connections, accepted } = await start();
  const first = take(connections);
  const second = take(connections);
  expect(second).not.toBe(first);
  connections.giveBack(first);
  expect(take(connections)).toBe(first);
  await expect.poll(() => accepted).toHaveLength(2);
});

test("one that ends while it is kept is not given out again", async () => {
  const { connections, accepted } = await start();
  const first = take(connections);
  await expect.poll(() => accepted).toHaveLength(1);
  connections.giveBack(first);
  accepted[0]?.destroy();
  await once(first.socket, "close");
  expect(take(connections)).not.toBe(first);
});

test("one on which something comes that nobody asked for is not kept", async () => {
  const { connections, accepted } = await start();
  const first = take(connections);
  await expect.poll(() => accepted).toHaveLength(1);
  connections.giveBack(first);
  accepted[0]?.write("?");
  await once(first.socket, "close");
  expect(take(connections)).not.toBe(first);
});

test("who carries something hears of its end, with the error if there was one, and when all are gone", async () => {
  const { connections, accepted, emptied } = await start();
  const lost: unknown[] = [];
  const onLost = (code: string | undefined) => lost.push(code);
  take(connections, { onLost });
  await expect.poll(() => accepted).toHaveLength(1);
  accepted[0]?.resetAndDestroy();
  await expect.poll(() => lost).toEqual(["ECONNRESET"]);
  expect(emptied()).toBe(1);
});

test("what waits longer than four seconds for the next is closed, and what carries something is not", async () => {
  const { connections } = await start();
  const [kept, busy] = [take(connections), take(connections)];
  connections.giveBack(kept);
  const startedMs = performance.now();
  await once(kept.socket, "close");
  expect(performance.now() - startedMs).toBeGreaterThan(3_000);
  expect(busy.socket.destroyed).toBe(false);
});

test("each place has its connections, until there is none any more", async () => {
  const { accepted, connect } = await start();
  const destinations = new Destinations();
  const one = destinations.to("one", connect);
  expect(destinations.to("one", connect)).toBe(one);
  expect(destinations.to("other", connect)).not.toBe(one);
  const kept = take(one);
  await expect.poll(() => accepted).toHaveLength(1);
  accepted[0]?.destroy();
  await once(kept.socket, "close");
  expect(destinations.to("one", connect)).not.toBe(one);
});

async function start() {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket.on("error", () => {}))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let emptied = 0;
  const opened: Socket[] = [];
  const connect = () => {
    const socket = createConnection(port, "127.0.0.1");
    opened.push(socket);
    return socket;
  };
  const connections = new KeptConnections(connect, () => emptied++);
  onCleanup(() => {
    server.close();
    for (const socket of [...opened, ...accepted]) socket.destroy();
  });
  return { connections, accepted, connect, emptied: () => emptied };
}

function take(connections: KeptConnections, carried: Partial<Carried> = {}) {
  const kept = connections.take({ onBytes: () => {}, onDrain: () => {}, onLost: () => {}, ...carried });
  if (!kept) throw new Error("there is none");
  return kept;
}
