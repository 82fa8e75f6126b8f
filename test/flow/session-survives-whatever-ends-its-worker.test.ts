import { expect, test } from "vitest";
import { collect, type Socket } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { back, firstOf, returningClientOn, upTo } from "./support/recovery.js";

const BACK_MS = 20_000;

/** Talks while the worker of slot 0 ends, to a client there and to one beside it. */
async function whileItEnds(host: Holdfast, end: (victim: Socket) => void): Promise<void> {
  const [victim, other] = [await returningClientOn(host, 0), await returningClientOn(host, 1)];
  for (const client of [victim, other]) await client.emitWithAck("join", "r");
  const heard = [victim, other].map((client) => collect(client, "said"));
  const { id } = victim;
  const disturbed: string[] = [];
  other.on("disconnect", (reason) => disturbed.push(reason));
  let sent = 0;
  const talk = setInterval(() => other.emit("say", "r", sent++), 5);
  const returned = back(victim, BACK_MS);
  end(victim);
  expect(await returned).toBe(true);
  clearInterval(talk);
  for (const said of heard) expect(firstOf(await said.untilCount(sent, BACK_MS))).toEqual(upTo(sent));
  expect(victim.id).toBe(id);
  expect(disturbed).toEqual([]);
}

test("it runs out of memory (A12)", { timeout: 60_000 }, async () => {
  const host = await startHoldfast({
    app: "leaks.mjs",
    workers: 2,
    env: { NODE_OPTIONS: "--max-old-space-size=80" },
    noise: /./,
  });
  await whileItEnds(host, (victim) => victim.emit("leak"));
  expect(await host.waitForLog("worker-exit")).toMatchObject({ slot: 0, signal: "SIGABRT" });
});

test("it has grown past --max-worker-memory (A12)", { timeout: 90_000 }, async () => {
  const host = await startHoldfast({ app: "leaks.mjs", workers: 2, args: ["--max-worker-memory", "300mb"] });
  const before = await host.worker(0);
  await whileItEnds(host, (victim) => void victim.emitWithAck("grow", 300));
  expect(await host.waitForLog("worker-draining")).toMatchObject({ slot: 0, reason: "memory" });
  expect((await host.worker(0)).pid).not.toBe(before.pid);
});

test("its app throws (A06)", { timeout: 60_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2, noise: /./ });
  // Without the acknowledgement that its handler calls.
  await whileItEnds(host, (victim) => victim.emit("join", "r"));
  expect(await host.waitForLog("worker-exit")).toMatchObject({ slot: 0, code: 1 });
});

test("the operator ends it with TERM, and nobody is told so (A20)", { timeout: 60_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2 });
  const { pid } = await host.worker(0);
  await whileItEnds(host, () => process.kill(pid, "SIGTERM"));
});
