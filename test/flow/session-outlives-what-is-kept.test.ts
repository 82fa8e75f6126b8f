import { expect, test } from "vitest";
import { clientOn, collect, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { startProxy } from "./support/proxy.js";
import { back, dropAndReturn, firstOf, RECONNECTS, returningClientOn, whileAway } from "./support/recovery.js";

const KILOBYTE = "x".repeat(1_024);

/** Says so much to a room that nothing older is kept. */
async function flood(host: Holdfast, sender: Socket, room: string): Promise<void> {
  const before = (await host.status()).counters.recoveryEntriesDropped ?? 0;
  for (let i = 0; i < 200; i++) sender.emit("say", room, KILOBYTE);
  await eventually(
    async () => (await host.status()).counters.recoveryEntriesDropped ?? 0,
    (dropped) => dropped > before + 50,
    { what: "old events are dropped", withinMs: 10_000 },
  );
}

async function refusedAs(host: Holdfast, why: string): Promise<number> {
  return (await host.status()).counters[`recoveryRefused-${why}`] ?? 0;
}

test("what is kept stays within its bound, and a client is new exactly when it needs what is gone (H12, H18)", async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2, args: ["--recovery-buffer", "128kb"] });
  const sender = await clientOn(host, 1);
  const [affected, unaffected] = [await returningClientOn(host, 0), await returningClientOn(host, 0)];
  await affected.emitWithAck("join", ["loud"]);
  await unaffected.emitWithAck("join", ["quiet"]);
  const [heard, unheard] = [collect(affected, "said"), collect(unaffected, "said")];
  expect(
    await whileAway(unaffected, async () => {
      expect(await whileAway(affected, () => flood(host, sender, "loud"))).toBe(false);
      sender.emit("say", "quiet", "for the quiet");
      await sender.emitWithAck("echo");
    }),
  ).toBe(true);
  expect(firstOf(await unheard.untilCount(1))).toEqual(["for the quiet"]);
  expect(heard.items).toEqual([]);
  expect(await refusedAs(host, "gone")).toBe(1);
  const { recovery } = await host.status();
  expect(recovery.bytes).toBeLessThanOrEqual(128 * 1_024);
  expect(recovery.entries).toBeGreaterThan(50);
});

test("a client that is away too long is new, and is then forgotten", async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2, args: ["--recovery-window", "1s"] });
  const client = await returningClientOn(host, 0);
  expect(await dropAndReturn(client)).toBe(true);
  const forgotten = () =>
    eventually(
      async () => (await host.status()).recovery.sessions,
      (sessions) => sessions === 0,
      { what: "it is forgotten" },
    );
  expect(await whileAway(client, forgotten)).toBe(false);
});

test("a client that only speaks comes back, though all it was not sent is gone (H04)", async () => {
  const host = await startHoldfast({ app: "recovery-quiet.mjs", workers: 2, args: ["--recovery-buffer", "128kb"] });
  const speaker = await returningClientOn(host, 0);
  await speaker.emitWithAck("join", ["talk"]);
  for (let i = 0; i < 200; i++) speaker.emit("say-to-others", "talk", KILOBYTE);
  await speaker.emitWithAck("echo");
  const { recoveryConfirmations = 0 } = (await host.status()).counters;
  await eventually(
    async () => (await host.status()).counters.recoveryConfirmations ?? 0,
    (confirmations) => confirmations >= recoveryConfirmations + 2,
    { what: "its pongs have told that it has everything" },
  );
  expect((await host.status()).counters.recoveryEntriesDropped).toBeGreaterThan(50);
  expect(await dropAndReturn(speaker)).toBe(true);
});

test("a client whose network swallows everything comes back with what was swallowed (C22)", {
  timeout: 60_000,
}, async () => {
  const host = await startHoldfast({ app: "recovery-quiet.mjs", workers: 2 });
  const proxy = await startProxy(host);
  const sender = await clientOn(host, 1);
  const client = await clientOn(proxy, 0, { options: { ...RECONNECTS } });
  await client.emitWithAck("join", ["r"]);
  const said = collect(client, "said");
  sender.emit("say", "r", 1);
  await said.untilCount(1);
  proxy.blackHole("both");
  sender.emit("say", "r", 2);
  await sender.emitWithAck("echo");
  const returned = back(client, 20_000);
  proxy.closeAll();
  proxy.heal();
  sender.emit("say", "r", 3);
  expect(await returned).toBe(true);
  expect(firstOf(await said.untilCount(3))).toEqual([1, 2, 3]);
});

test("a worker that stands still gives its sessions away when it is replaced (A03)", { timeout: 60_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2, args: ["--worker-timeout", "2s"] });
  const sender = await clientOn(host, 1);
  const client = await returningClientOn(host, 0);
  await client.emitWithAck("join", ["r"]);
  const said = collect(client, "said");
  sender.emit("say", "r", 1);
  await said.untilCount(1);
  const returned = back(client, 20_000);
  process.kill((await host.worker(0)).pid, "SIGSTOP");
  sender.emit("say", "r", 2);
  expect(await returned).toBe(true);
  expect(firstOf(await said.untilCount(2))).toEqual([1, 2]);
});

test("a primary that stood still has lost nothing (A14)", { timeout: 60_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2 });
  const sender = await clientOn(host, 1);
  const [near, far] = [await returningClientOn(host, 1), await returningClientOn(host, 0)];
  const heard = [near, far].map((client) => collect(client, "said"));
  await Promise.all([near, far].map((client) => client.emitWithAck("join", ["r"])));
  process.kill(host.pid, "SIGSTOP");
  try {
    for (let i = 0; i < 500; i++) sender.emit("say", "r", i, KILOBYTE);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  } finally {
    process.kill(host.pid, "SIGCONT");
  }
  for (const said of heard) {
    await said.untilCount(500, 15_000);
    expect(firstOf(said.items)).toEqual(Array.from({ length: 500 }, (_, i) => i));
  }
  expect(await dropAndReturn(near)).toBe(true);
  expect((await host.status()).counters).toMatchObject({ supervisorKills: 0, switchFramesDropped: 0 });
});
