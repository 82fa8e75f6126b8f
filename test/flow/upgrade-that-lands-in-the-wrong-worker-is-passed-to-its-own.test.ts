// A WebSocket upgrade on a kept-alive connection of another worker: the connection itself goes to the session's worker,
// with all bytes, and is not relayed for the rest of its life.
import { expect, test } from "vitest";
import { ownerOf } from "../../src/protocol/session-id.js";
import { startCanary } from "./support/canary.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { handshake, UNKNOWN_SESSION } from "./support/polling.js";
import { fdCount } from "./support/process.js";
import { head, openRaw, type RawConnection, textFrame, websocketHead, websocketTarget } from "./support/raw.js";

const start = (...args: string[]) => startHoldfast({ app: "address.mjs", workers: 2, args });

async function slotOfConnection(connection: RawConnection): Promise<{ slot: number; address: string }> {
  connection.write(head("GET /address HTTP/1.1"));
  return JSON.parse(String((await connection.response()).body));
}

/** A kept-alive connection of one worker, and a polling session of the other. */
async function apart(host: Holdfast) {
  const connection = await openRaw(host);
  const { slot } = await slotOfConnection(connection);
  const others: RawConnection[] = [];
  for (;;) {
    const other = await openRaw(host);
    others.push(other);
    const sid = await handshake(other);
    if (ownerOf(sid)?.slot === slot) continue;
    for (const each of others) each.reset();
    return { connection, slot, sid };
  }
}

const upgradeTo = (sid: string) => websocketHead(`${websocketTarget}&sid=${sid}`);

async function passedOn(host: Holdfast): Promise<number> {
  return (await host.status()).counters.acceptorPassedOn as number;
}

test("the connection goes to the session's worker, with the bytes that came behind its head", async () => {
  const host = await start();
  const { connection, slot, sid } = await apart(host);
  connection.write(Buffer.concat([Buffer.from(upgradeTo(sid)), textFrame("2probe")]));
  expect(String(await connection.bytesUntil("3probe"))).toMatch(/^HTTP\/1.1 101 /);
  connection.write(textFrame("5"));
  connection.write(textFrame("40"));
  await connection.bytesUntil("40{");
  expect(await passedOn(host)).toBe(1);
  await host.waitForStatus(({ workers }) => workers[slot]?.connections === 0 && workers[1 - slot]?.connections === 1);
});

test("two hundred of two hundred arrive, with other traffic under way, and no connection is left behind", async () => {
  const host = await start();
  const before = [fdCount(host.pid), ...(await host.workers()).map(({ pid }) => fdCount(pid))];
  const canary = await startCanary(host);
  for (let round = 0; round < 20; round++) {
    const pairs: Awaited<ReturnType<typeof apart>>[] = [];
    while (pairs.length < 10) pairs.push(await apart(host));
    for (const { connection, sid } of pairs) connection.write(upgradeTo(sid));
    for (const { connection } of pairs) {
      expect(String(await connection.bytesUntil("\r\n\r\n"))).toMatch(/^HTTP\/1.1 101 /);
      connection.write(textFrame("2probe"));
    }
    for (const { connection } of pairs) {
      await connection.bytesUntil("3probe");
      connection.reset();
    }
  }
  expect((await canary.stop()).failures).toEqual([]);
  expect(await passedOn(host)).toBeGreaterThanOrEqual(200);
  await host.waitForStatus(({ counters }) => counters.acceptorOpen === 0 && counters.acceptorPending === 0);
  await eventually(
    async () => [fdCount(host.pid), ...(await host.workers()).map(({ pid }) => fdCount(pid))],
    (after) => after.every((count, i) => count <= (before[i] as number) + 3),
    { withinMs: 15_000, what: `as many descriptors as before, ${before}` },
  );
});

test("of a session that nobody has any more the client is told, by whoever gets the connection", async () => {
  const host = await start();
  const { connection, sid } = await apart(host);
  const gone = ownerOf(sid)?.slot as number;
  process.kill((await host.worker(gone)).pid, "SIGKILL");
  await host.waitForLog("worker-exit");
  connection.write(upgradeTo(sid));
  expect(String((await connection.untilClosed()).bytes)).toMatch(/^HTTP\/1.1 400 /);
  const polling = await openRaw(host);
  polling.write(head(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1`));
  expect(String((await polling.response()).body)).toBe(UNKNOWN_SESSION);
});

test("the client's address goes along, and it counts once for its limit", async () => {
  const args = ["--trust-proxy", "127.0.0.1", "--proxy-protocol", "--max-connections-per-ip", "2"];
  const host = await start(...args);
  const open = async (address: string) => {
    const connection = await openRaw(host);
    connection.write(`PROXY TCP4 ${address} 192.0.2.1 4711 80\r\n`);
    return connection;
  };
  const connection = await open("192.0.2.7");
  const { slot } = await slotOfConnection(connection);
  let sid = "";
  for (let i = 1; ownerOf(sid)?.slot !== 1 - slot; i++) sid = await handshake(await open(`192.0.2.${100 + i}`));
  connection.write(Buffer.concat([Buffer.from(upgradeTo(sid)), textFrame("2probe")]));
  await connection.bytesUntil("3probe");
  expect(await passedOn(host)).toBe(1);
  const second = await open("192.0.2.7");
  expect((await slotOfConnection(second)).address).toBe("192.0.2.7");
  const third = await open("192.0.2.7");
  third.write(head("GET /address HTTP/1.1"));
  expect((await third.response()).status).toBe(503);
});
