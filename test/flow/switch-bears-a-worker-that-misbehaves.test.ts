// D02, D03, D09: a worker that floods, stands still or lies harms nobody but itself.
import { expect, test } from "vitest";
import { FrameBatch, FrameKind } from "../../src/protocol/frame.js";
import { act } from "./support/act.js";
import { startCanary } from "./support/canary.js";
import { clientsOnEach, collect, type Socket } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { rssBytes } from "./support/process.js";
import { io, run } from "./support/remote.js";

const WORKERS = 3;
const MEGABYTE = 1024 * 1024;
const GROWTH_BYTES = 64 * MEGABYTE * WORKERS;
const FLOOD_MS = 4_000;
const LINK_FD = 4;

test("a worker that sends all it can fills no memory of the primary, and keeps no client from connecting", async () => {
  const { host, clients } = await startThree();
  const [flooding, , behind] = clients;
  await behind.emitWithAck("join", "flooded");
  // It takes nothing while it stands still: all that it is sent waits in the primary, or is dropped there.
  const stuck = (await host.worker(2)).pid;
  const before = rssBytes(host.pid);
  const canary = startCanary(host);
  process.kill(stuck, "SIGSTOP");
  const sent = act(flooding, "flood", "flooded", MEGABYTE, FLOOD_MS);
  expect(await sent).toBeGreaterThan(50);
  expect(rssBytes(host.pid) - before).toBeLessThan(GROWTH_BYTES);
  const { counters } = await host.status();
  expect(counters.switchFramesDropped).toBeGreaterThan(0);
  process.kill(stuck, "SIGCONT");
  const { failures, rounds } = await canary.stop();
  expect(rounds).toBeGreaterThan(10);
  expect(failures.filter((failure) => !failure.includes("within"))).toEqual([]);
});

test("events pass between the others while a worker stands still", async () => {
  const { clients } = await startThree();
  const [a, b, blocked] = clients;
  let unblocked = false;
  const block = act(blocked, "block", 2_000).then(() => {
    unblocked = true;
  });
  const events = collect(b, "news");
  for (let i = 0; i < 300; i++) await run(a, io.emit("news", i));
  await events.untilCount(300);
  expect(events.items.flat()).toEqual(Array.from({ length: 300 }, (_, i) => i));
  expect(unblocked).toBe(false);
  await block;
  // It has missed nothing either.
  const late = collect(blocked, "news");
  await run(a, io.emit("news", "last"));
  await late.until((items) => items.at(-1)?.[0] === "last");
});

test("a worker cannot answer in the name of another", async () => {
  const { host, clients } = await startThree();
  const [asking, liar, asked] = clients;
  const { pid } = await host.worker(2);
  process.kill(pid, "SIGSTOP");
  const answers = run(asking, io.in(asked.id as string).fetchSockets());
  await host.waitForStatus(({ counters }) => counters.switchRequests === 1);
  const lies = new FrameBatch();
  for (let id = 0; id < 100; id++) lies.begin(FrameKind.response).number(id).byte(1).end();
  await act(liar, "writeRaw", LINK_FD, Buffer.concat(lies.take()));
  expect(await liar.emitWithAck("echo", 1)).toBe(1);
  expect((await host.status()).counters.switchRequests).toBe(1);
  process.kill(pid, "SIGCONT");
  expect(await answers).toMatchObject([{ id: asked.id }]);
});

async function startThree(): Promise<{ host: Holdfast; clients: [Socket, Socket, Socket] }> {
  const host = await startHoldfast({ app: "conformance.mjs", workers: WORKERS });
  return { host, clients: (await clientsOnEach(host, [0, 1, 2])) as [Socket, Socket, Socket] };
}
