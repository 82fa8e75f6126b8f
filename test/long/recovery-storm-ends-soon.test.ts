// H17: one of eight workers is killed, and all its clients come back at once. STORM_SESSIONS=20000 is the catalogue's size.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../flow/support/eventually.js";
import { type Holdfast, startHoldfast } from "../flow/support/holdfast.js";
import { upTo } from "../flow/support/recovery.js";
import { Member, startTalk } from "./member.js";

const SESSIONS = Number(process.env.STORM_SESSIONS ?? 4_000);
const WORKERS = 8;
const JOIN_AT_ONCE = 16;
const PER_SECOND = 2;
const BACK_WITHIN_MS = 30_000;

test(`the clients of a worker are back, one of ${WORKERS} with ${SESSIONS} sessions`, {
  timeout: 900_000,
}, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: WORKERS, readyWithinMs: 60_000 });
  const members: Member[] = [];
  const joinInTurn = async () => {
    while (members.length < SESSIONS) members.push(await Member.join(host, members.length));
  };
  await Promise.all(Array.from({ length: JOIN_AT_ONCE }, joinInTurn));
  const talk = startTalk(members.find(({ slot }) => slot === 1) as Member, PER_SECOND);
  await pause(5_000);
  const victims = members.filter(({ slot }) => slot === 0);
  expect(victims.length).toBeGreaterThan(SESSIONS / WORKERS / 2);
  const lags = watchLag(host);
  process.kill((await host.worker(0)).pid, "SIGKILL");
  const killedAtMs = performance.now();
  await eventually(
    async () => victims.filter(({ waits }) => waits.length === 0).length,
    (missing) => missing === 0,
    { what: "everybody is back", withinMs: 5 * BACK_WITHIN_MS },
  );
  const backMs = Math.round(performance.now() - killedAtMs);
  const sent = talk.stop();
  await eventually(
    async () => members.filter(({ said }) => said.length < sent).length,
    (missing) => missing === 0,
    { what: "everybody has everything", withinMs: 60_000 },
  );
  console.log(`${victims.length} of ${SESSIONS} clients back in ${backMs} ms; lag of a worker's loop: ${lags.stop()}`);
  for (const { said } of members) expect(said).toEqual(upTo(sent));
  expect(members.flatMap(({ strange }) => strange)).toEqual([]);
  expect(members.reduce((sum, { waits }) => sum + waits.length, 0)).toBe(victims.length);
  expect(backMs).toBeLessThan(BACK_WITHIN_MS);
});

function watchLag(host: Holdfast): { stop(): string } {
  const lags: number[] = [];
  const timer = setInterval(() => {
    host.workers().then(
      (workers) => lags.push(...workers.flatMap(({ lagMs }) => lagMs ?? [])),
      () => {},
    );
  }, 500);
  const stop = () => {
    clearInterval(timer);
    const sorted = lags.sort((a, b) => a - b);
    return `p50 ${sorted[sorted.length >> 1]} ms, most ${sorted.at(-1)} ms`;
  };
  return { stop };
}
