// Issue 5, criterion 2: 200 clients, 200 messages a second to all of them, kill -9 of a worker twice in a row. The clients
// are bare frames: 40,000 deliveries a second are more than as many of Socket.IO's own can take in one process.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../flow/support/eventually.js";
import { startHoldfast } from "../flow/support/holdfast.js";
import { upTo } from "../flow/support/recovery.js";
import { Member, startTalk } from "./member.js";

const CLIENTS = 200;
const WORKERS = 4;
const PER_SECOND = 200;
const BETWEEN_MS = 5_000;
const BACK_WITHIN_MS = 2_000;

test("killed twice in a row, a worker costs none of 200 clients anything", { timeout: 180_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: WORKERS });
  const members: Member[] = [];
  for (let i = 0; i < CLIENTS; i++) members.push(await Member.join(host, i));
  const ids = members.map(({ id }) => id);
  const talk = startTalk(members.find(({ slot }) => slot === WORKERS - 1) as Member, PER_SECOND);
  let returns = 0;
  for (const slot of [0, 1]) {
    await pause(BETWEEN_MS);
    const victims = members.filter((member) => member.slot === slot);
    expect(victims.length).toBeGreaterThan(CLIENTS / WORKERS / 2);
    process.kill((await host.worker(slot)).pid, "SIGKILL");
    await eventually(
      async () => members.reduce((sum, { waits }) => sum + waits.length, 0),
      (count) => count >= returns + victims.length,
      { what: `${victims.length} clients are back`, withinMs: 30_000 },
    );
    returns += victims.length;
    await host.worker(slot);
  }
  const sent = talk.stop();
  const missing = async () => members.filter(({ said }) => said.length < sent).length;
  await eventually(missing, (count) => count === 0, { what: "everybody has everything", withinMs: 60_000 });
  for (const { said } of members) expect(said).toEqual(upTo(sent));
  expect(members.map(({ id }) => id)).toEqual(ids);
  expect(members.flatMap(({ strange }) => strange)).toEqual([]);
  // Only the victims had to come back.
  const waits = members.flatMap((member) => member.waits);
  expect(waits).toHaveLength(returns);
  const slowestMs = Math.round(Math.max(...waits));
  console.log(`${sent} messages to ${CLIENTS} clients, ${waits.length} of them cut off; the slowest was back ${slowestMs} ms
    after its own delay, ${Math.round(waits.reduce((sum, ms) => sum + ms, 0) / waits.length)} ms on average`);
  expect(slowestMs).toBeLessThan(BACK_WITHIN_MS);
});
