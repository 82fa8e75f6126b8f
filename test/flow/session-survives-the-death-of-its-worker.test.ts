import { expect, test } from "vitest";
import { collect, slotOf, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { firstOf, RECONNECTS, returningClientOn, upTo } from "./support/recovery.js";
import { eventually } from "./support/eventually.js";

const PER_SLOT = 20;
const EVERY_MS = 5;

test("killed twice under 200 events a second, a worker costs its clients nothing", { timeout: 90_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 3 });
  const clients: Socket[] = [];
  for (const slot of [0, 1, 2]) {
    for (let i = 0; i < PER_SLOT; i++) clients.push(await returningClientOn(host, slot));
  }
  const sender = await returningClientOn(host, 2);
  await Promise.all(clients.map((client) => client.emitWithAck("join", ["everybody"])));
  await Promise.all(clients.map((client, i) => client.emitWithAck("set", { name: i })));
  const heard = clients.map((client) => ({ client, said: collect(client, "said"), hello: collect(client, "hello") }));
  const ids = clients.map(({ id }) => id);
  let sent = 0;
  const talk = setInterval(() => sender.emit("say", "everybody", sent++), EVERY_MS);
  for (const slot of [0, 1]) {
    await heard[0]?.said.untilCount(sent + 40);
    const victims = heard.filter(({ client }) => slotOf(client) === slot);
    expect(victims.length).toBeGreaterThanOrEqual(PER_SLOT);
    const counts = new Map(victims.map(({ client, hello }) => [client, hello.items.length]));
    const others = heard.filter(({ client }) => slotOf(client) !== slot).map(({ client }) => client);
    const disturbed: Socket[] = [];
    for (const client of others) client.once("disconnect", () => disturbed.push(client));
    process.kill((await host.worker(slot)).pid, "SIGKILL");
    const killedAt = performance.now();
    await Promise.all(victims.map(({ client, hello }) => hello.untilCount((counts.get(client) ?? 0) + 1, 10_000)));
    expect(performance.now() - killedAt).toBeLessThan(RECONNECTS.reconnectionDelayMax * 1.5 + 5_000);
    expect(disturbed).toEqual([]);
    for (const client of others) client.removeAllListeners("disconnect");
    await eventually(
      () => host.worker(slot),
      ({ state }) => state === "ready",
      { withinMs: 10_000, what: "its successor" },
    );
  }
  clearInterval(talk);
  await Promise.all(heard.map(({ said }) => said.untilCount(sent, 10_000)));
  for (const { said } of heard) expect(firstOf(said.items)).toEqual(upTo(sent));
  expect(clients.map(({ id }) => id)).toEqual(ids);
  for (const [i, { hello, client }] of heard.entries()) {
    for (const [greeting] of hello.items.slice(1)) {
      expect(greeting).toMatchObject({ recovered: true, data: { name: i } });
      expect((greeting as { rooms: string[] }).rooms.sort()).toEqual([client.id, "everybody"].sort());
    }
  }
  const { counters } = await host.status();
  expect(counters).toMatchObject({ switchFramesDropped: 0, recoveryClaims: 0 });
  expect(counters.recoveryRecovered).toBeGreaterThanOrEqual(2 * PER_SLOT);
});
