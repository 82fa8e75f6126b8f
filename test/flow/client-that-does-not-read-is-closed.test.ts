// C19, threat 7: what waits for a client is bounded, and the app is told why it went; who reads notices nothing.
import { expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { connect } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, post } from "./support/polling.js";
import { rssBytes } from "./support/process.js";
import { head, openRaw, websocketHead } from "./support/raw.js";

const MB = 1024 * 1024;

async function start(...args: string[]): Promise<Holdfast> {
  return startHoldfast({ app: "flood.mjs", workers: 1, args });
}

/** Why clients went, by the app. */
async function reasons(host: Holdfast): Promise<string[]> {
  const connection = await openRaw(host);
  connection.write(head("GET / HTTP/1.1"));
  const { body } = await connection.response();
  connection.halfClose();
  // The canary's clients come and go.
  return (JSON.parse(String(body)) as string[]).filter((reason) => !/^(client namespace|transport) /.test(reason));
}

function reasonsToBe(host: Holdfast, wanted: readonly string[]): Promise<string[]> {
  return eventually(
    () => reasons(host),
    (told) => told.join() === wanted.join(),
    { withinMs: 20_000, what: `the app hearing ${wanted}` },
  );
}

/** A text frame as clients send it. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 + payload.length, 0, 0, 0, 0]), payload]);
}

/** A WebSocket whose client asks for much, and reads nothing. */
async function openStuck(host: Holdfast, flood: string): Promise<void> {
  const connection = await openRaw(host);
  connection.write(websocketHead());
  await connection.bytesUntil('"maxPayload"');
  connection.write(frame("40"));
  await connection.bytesUntil("40{");
  connection.socket.pause();
  connection.write(frame(`42["flood",${flood}]`));
}

test("a WebSocket that is not read is closed as a slow consumer, and costs no more than it may", async () => {
  const host = await start();
  const canary = await startCanary(host);
  const worker = await host.worker(0);
  const before = rssBytes(worker.pid);
  for (let i = 0; i < 5; i++) await openStuck(host, "10000,20000,false");
  await reasonsToBe(host, Array(5).fill("slow consumer"));
  expect(rssBytes(worker.pid) - before).toBeLessThan(150 * MB);
  await host.waitForLog(({ event, reason }) => event === "dropped" && reason === "slow-consumer");
  await host.waitForStatus(({ workers }) => workers[0]?.restarts === 0 && (workers[0]?.sessions ?? 9) <= 1);
  expect((await canary.stop()).failures).toEqual([]);
});

test("a polling client that does not poll is closed as a slow consumer", async () => {
  const host = await start("--max-client-buffer", "1mb");
  const connection = await openRaw(host);
  const sid = await handshake(connection);
  await post(connection, sid, "40");
  await post(connection, sid, '42["flood",10000,200,false]');
  await reasonsToBe(host, ["slow consumer"]);
});

test("volatile events for a client that does not read are dropped, and it stays", async () => {
  const host = await start("--max-client-buffer", "1mb");
  await openStuck(host, "10000,20000,true");
  const client = await connect(host);
  await client.emitWithAck("echo", 1);
  const before = rssBytes((await host.worker(0)).pid);
  await openStuck(host, "10000,20000,true");
  await client.emitWithAck("flood", 100, 1_000, true);
  expect(await reasons(host)).toEqual([]);
  expect(rssBytes((await host.worker(0)).pid) - before).toBeLessThan(50 * MB);
});

test("a client that reads gets all, however much more than the limit that is", async () => {
  const host = await start("--max-client-buffer", "1mb");
  const client = await connect(host);
  let count = 0;
  client.on("flood", () => count++);
  for (let i = 0; i < 20; i++) await client.emitWithAck("flood", 10_000, 80, false);
  await eventually(
    () => count,
    (received) => received === 1_600,
    { withinMs: 15_000, what: "16 MB of events" },
  );
  expect(await reasons(host)).toEqual([]);
});
