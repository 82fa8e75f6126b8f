// C16, D08: nothing grows with the number of past namespaces, rooms or sessions.
import { beforeAll, describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { clientsOnEach, connect, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { joinNamespaces, visitNamespaces } from "./support/namespace.js";

const NAMESPACES = 10_000;
const AT_ONCE = 500;
const GONE_MS = 15_000;
const SESSIONS = 600;
const SESSIONS_AT_ONCE = 20;

type Leftovers = Record<string, number | undefined>;

describe("10,000 dynamic namespaces, created and gone again,", () => {
  let host: Holdfast;
  let clients: Socket[];
  let before: Leftovers;
  beforeAll(async () => {
    host = await startHoldfast({ app: "conformance.mjs", workers: 3 });
  });

  test("one after another on all workers leave nothing behind", async () => {
    clients = await clientsOnEach(host, [0, 1, 2]);
    await visitNamespaces(clients[0] as Socket, ["/child-0"]);
    before = await leftovers();
    for (let from = 0; from < NAMESPACES; from += AT_ONCE) {
      const client = clients[(from / AT_ONCE) % 3] as Socket;
      await visitNamespaces(client, names(from, AT_ONCE));
    }
    await expectNoMore();
  });

  test("all at once from one client leave nothing behind", async () => {
    clients = await clientsOnEach(host, [0, 1, 2]);
    before = await leftovers();
    const [hostile] = (await clientsOnEach(host, [1])) as [Socket];
    await joinNamespaces(hostile, names(0, NAMESPACES));
    const { switchNamespaces } = (await host.status()).counters;
    expect(switchNamespaces).toBeGreaterThanOrEqual(NAMESPACES);
    hostile.io.engine.close();
    await expectNoMore();
  });

  async function leftovers(): Promise<Leftovers> {
    const { switchNamespaces, switchRooms, switchRequests } = (await host.status()).counters;
    const perWorker = await Promise.all(clients.map((client) => act<Leftovers>(client, "leftovers")));
    const ofWorkers = perWorker.flatMap((left, i) =>
      Object.entries(left).map(([name, count]) => [`${name} ${i}`, count]),
    );
    return { switchNamespaces, switchRooms, switchRequests, ...Object.fromEntries(ofWorkers) };
  }

  /** Than before. Less may be there: what the test before has left was on its way out. */
  async function expectNoMore(): Promise<void> {
    const isNoMore = (now: Leftovers) => Object.entries(before).every(([name, count = 0]) => (now[name] ?? 0) <= count);
    await eventually(leftovers, isNoMore, { what: `no more than ${JSON.stringify(before)}`, withinMs: GONE_MS });
  }
});

test("sessions with rooms of their own, which come and go, leave nothing behind", async () => {
  const host = await startHoldfast({ app: "conformance.mjs", workers: 3, inspect: true });
  await churn(host, SESSIONS_AT_ONCE * 3);
  const before = await footprint(host);
  await churn(host, SESSIONS);
  expect((await host.status()).counters).toMatchObject({ switchRooms: 0, switchRequests: 0 });
  await expectSameFootprint(host, before);
});

async function churn(host: Holdfast, sessions: number): Promise<void> {
  for (let done = 0; done < sessions; done += SESSIONS_AT_ONCE) {
    const all = Array.from({ length: SESSIONS_AT_ONCE }, async (_, i) => {
      const client = await connect(host);
      await client.emitWithAck("join", `room ${done + i}`);
      client.emit("send", "everybody", "news");
      client.disconnect();
    });
    await Promise.all(all);
  }
  await host.waitForStatus(({ workers }) => workers.every(({ sockets }) => sockets === 0));
}

function names(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `/child-${from + i}`);
}
