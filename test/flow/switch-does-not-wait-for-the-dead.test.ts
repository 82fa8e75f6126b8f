import { expect, test } from "vitest";
import { act } from "./support/act.js";
import { clientsOnEach, received, type Socket } from "./support/client.js";
import { within } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { io, run } from "./support/remote.js";
import { untilAlone } from "./support/topology.js";

/** Much less than the timeout of any request here. */
const SOON_MS = 3_000;
const LONG_MS = 15_000;

test("questions in flight when a worker is killed are answered by the others, and none fails", async () => {
  const { host, clients, victim } = await startThree();
  const [a, b] = clients;
  b.on("q", (ack) => ack("b"));
  // Stopped, it leaves everything unanswered until it is killed.
  process.kill(victim, "SIGSTOP");
  const questions = [
    run(a, io.fetchSockets()),
    run(a, io.allSockets()),
    run(a, io.serverSideEmitWithAck("server-slot")),
    run(
      a,
      io
        .except(a.id as string)
        .timeout(LONG_MS)
        .emitWithAck("q"),
    ),
    act(a, "allRooms"),
  ];
  await host.waitForStatus(({ counters }) => counters.switchRequests === questions.length);
  process.kill(victim, "SIGKILL");
  const [sockets, ids, slots, acks, rooms] = await within(Promise.all(questions), SOON_MS, "the answers");
  expect(sockets.map(({ id }: Socket) => id).sort()).toEqual([a.id, b.id].sort());
  expect(ids.sort()).toEqual([a.id, b.id].sort());
  expect(slots).toEqual([1]);
  expect(acks).toEqual(["b"]);
  expect(rooms.sort()).toEqual([a.id, b.id].sort());
  await host.waitForStatus(({ counters }) => counters.switchRequests === 0);
});

test("under a stream of questions, a worker that is killed makes none of them fail", async () => {
  const { host, clients, victim } = await startThree();
  const [a, b] = clients;
  for (const client of clients) client.on("q", (ack) => ack("here"));
  let killed = false;
  const ask = async (client: Socket) => {
    for (let after = 0; after < 50; after += killed ? 1 : 0) {
      const found = await within(run(client, io.fetchSockets()), SOON_MS, "fetchSockets");
      expect(found.length).toBeGreaterThanOrEqual(2);
      const slots = await within(run(client, io.serverSideEmitWithAck("server-slot")), SOON_MS, "serverSideEmit");
      expect(slots.length).toBeGreaterThanOrEqual(1);
      const acks = await within(run(client, io.timeout(LONG_MS).emitWithAck("q")), SOON_MS, "emitWithAck");
      expect(acks.length).toBeGreaterThanOrEqual(2);
    }
  };
  const asking = [a, a, b, b].map(ask);
  await received(a, "q");
  process.kill(victim, "SIGKILL");
  killed = true;
  await Promise.all(asking);
  expect(await host.worker(2)).toMatchObject({ restarts: 1 });
  expect(await act(a, "serverCount")).toBe(3);
});

async function startThree(): Promise<{ host: Holdfast; clients: [Socket, Socket, Socket]; victim: number }> {
  const host = await startHoldfast({ app: "conformance.mjs", workers: 3 });
  const clients = (await clientsOnEach(host, [0, 1, 2])) as [Socket, Socket, Socket];
  await untilAlone(clients);
  return { host, clients, victim: (await host.worker(2)).pid };
}
