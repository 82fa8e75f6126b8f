// C07: upgrades of one session at once, upgrades beside posts, upgrades that never end. Sessions go on by one transport, and
// nothing of the others stays, whichever workers they came to.
import { beforeAll, expect, test } from "vitest";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { ProtocolClient, type Wire } from "./support/protocol.js";

const UPGRADE_TIMEOUT_MS = 1_000;
const ROUNDS = 20;

let host: Holdfast;
let client: ProtocolClient;
beforeAll(async () => {
  const env = { UPGRADE_TIMEOUT_MS: String(UPGRADE_TIMEOUT_MS) };
  host = await startHoldfast({ app: "upgrade.mjs", workers: 2, env });
  client = new ProtocolClient(host);
});

async function connected(): Promise<string> {
  const sid = await client.openSession();
  await client.post(sid, "40");
  expect((await client.poll(sid)).body).toMatch(/^40\{/);
  return sid;
}

async function answers(wire: Wire, word: string): Promise<void> {
  wire.send(`421["echo","${word}"]`);
  expect(await wire.next("6")).toBe(`431["${word}"]`);
}

async function ended(wires: readonly Wire[]): Promise<void> {
  for (const wire of wires) wire.close();
  await Promise.all(wires.map((wire) => wire.closed()));
  await host.waitForStatus(({ workers }) => workers.every(({ sessions }) => sessions === 0), 30_000);
}

test("of two upgrades at once the first wins, and the other is closed", async () => {
  const winners: Wire[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sid = await connected();
    const first = await client.upgrading(sid);
    const second = client.websocket(`EIO=4&transport=websocket&sid=${sid}`);
    second.send("2probe");
    await second.closed();
    first.send("5");
    await answers(first, "still here");
    winners.push(first);
  }
  await ended(winners);
});

test("posts beside an upgrade arrive once each, and in order by their transport", async () => {
  const wires: Wire[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sid = await connected();
    const [wire, posted] = await Promise.all([
      client.upgrading(sid),
      client.post(sid, '427["echo","by post"]').then(({ status }) => status),
    ]);
    expect(posted).toBe(200);
    wire.send("5");
    wire.send('428["echo","by WebSocket"]');
    const heard = [await wire.next("6"), await wire.next("6")];
    expect(heard.toSorted()).toEqual(['437["by post"]', '438["by WebSocket"]']);
    wires.push(wire);
  }
  await ended(wires);
});

test("upgrades that stop after their probe are closed in time, and their sessions go on by polling", async () => {
  const sids = await Promise.all(Array.from({ length: ROUNDS }, connected));
  await host.waitForStatus(({ workers }) => workers.reduce((sum, { sockets }) => sum + sockets, 0) === ROUNDS);
  const before = await footprint(host);
  const wires = await Promise.all(sids.map((sid) => client.upgrading(sid)));
  await Promise.all(wires.map((wire) => wire.closed()));
  for (const sid of sids) {
    expect((await client.post(sid, '421["echo","on"]')).status).toBe(200);
    expect((await polled(sid)).at(-1)).toBe('431["on"]');
  }
  await expectSameFootprint(host, before, { withinMs: 20_000 });
});

/** What the poll of a session brings, past the empty words that an upgrade ends polls with. */
async function polled(sid: string): Promise<string[]> {
  for (;;) {
    const packets = (await client.poll(sid)).body.split("\x1e").filter((packet) => packet !== "6");
    if (packets.length > 0) return packets;
  }
}
