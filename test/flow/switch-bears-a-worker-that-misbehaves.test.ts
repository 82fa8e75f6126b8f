// D02, D03, D09: a worker that floods, stands still or lies harms nobody but itself.
import { expect, test } from "vitest";
import { FrameBatch, FrameKind } from "../../src/protocol/frame.js";
import { encode } from "../../src/worker/codec.js";
import { act } from "./support/act.js";
import { startCanary } from "./support/canary.js";
import { clientsOnEach, collect, type Socket } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { rssBytes } from "./support/process.js";
import { io, run } from "./support/remote.js";

const WORKERS = 3;
const MEGABYTE = 1024 * 1024;
const GROWTH_BYTES = 64 * MEGABYTE * WORKERS;
const FLOOD_MS = 2_000;
/** A machine that is busy elsewhere passes on a few megabytes a second only. */
const FLOODED_MS = 30_000;
const LINK_FD = 4;

test("a worker that sends all it can keeps no client from connecting", async () => {
  const { host, clients } = await startThree();
  const [flooding, , member] = clients;
  await member.emitWithAck("join", "flooded");
  const before = rssBytes(host.pid);
  const canary = startCanary(host);
  expect(
    await act(flooding, "flood", { room: "flooded", except: member.id, bytes: MEGABYTE, forMs: FLOOD_MS }),
  ).toBeGreaterThan(50);
  const { failures, rounds } = await canary.stop();
  expect(failures).toEqual([]);
  expect(rounds).toBeGreaterThan(5);
  expect(rssBytes(host.pid) - before).toBeLessThan(GROWTH_BYTES);
});

test("what a worker does not read fills no memory of the primary", async () => {
  const { host, clients } = await startThree();
  const [flooding, , member] = clients;
  await member.emitWithAck("join", "flooded");
  const { pid } = await host.worker(2);
  const before = rssBytes(host.pid);
  process.kill(pid, "SIGSTOP");
  const flood = act(flooding, "flood", { room: "flooded", except: member.id, bytes: MEGABYTE, forMs: FLOODED_MS });
  await host.waitForStatus(({ counters }) => (counters.switchFramesDropped ?? 0) > 50, FLOODED_MS);
  expect(rssBytes(host.pid) - before).toBeLessThan(GROWTH_BYTES);
  await act(flooding, "stopFlood");
  await flood;
  process.kill(pid, "SIGCONT");
  expect(await member.emitWithAck("echo", 1)).toBe(1);
});

test("events pass between the others while a worker stands still, which gets them all when it goes on", async () => {
  const { host, clients } = await startThree();
  const [a, b, still] = clients;
  const { pid } = await host.worker(2);
  const wanted = Array.from({ length: 100 }, (_, i) => i);
  const [seen, late] = [collect(b, "news"), collect(still, "news")];
  process.kill(pid, "SIGSTOP");
  for (const i of wanted) await run(a, io.emit("news", i));
  await seen.untilCount(wanted.length);
  expect([seen.items.flat(), late.items]).toEqual([wanted, []]);
  process.kill(pid, "SIGCONT");
  await late.untilCount(wanted.length);
  expect(late.items.flat()).toEqual(wanted);
});

test("a worker cannot answer in the name of another", async () => {
  const { host, clients } = await startThree();
  const [asking, liar, asked] = clients;
  const { pid } = await host.worker(2);
  process.kill(pid, "SIGSTOP");
  const answers = run(asking, io.in(asked.id as string).fetchSockets());
  await host.waitForStatus(({ counters }) => counters.switchRequests === 1);
  const lies = new FrameBatch();
  const forged = encode([[{ id: "forged", handshake: {}, rooms: [], data: {} }]]);
  for (let id = 0; id < 100; id++) lies.begin(FrameKind.response).number(id).byte(1).bytes(forged).end();
  await act(liar, "writeRaw", LINK_FD, Buffer.concat(lies.take()));
  expect(await liar.emitWithAck("echo", 1)).toBe(1);
  expect((await host.status()).counters.switchRequests).toBe(1);
  process.kill(pid, "SIGCONT");
  expect(await answers).toMatchObject([{ id: asked.id }]);
});

async function startThree(): Promise<{ host: Holdfast; clients: [Socket, Socket, Socket] }> {
  const host = await startHoldfast({ app: "conformance.mjs", workers: WORKERS, args: ["--worker-timeout", "60s"] });
  return { host, clients: (await clientsOnEach(host, [0, 1, 2])) as [Socket, Socket, Socket] };
}
