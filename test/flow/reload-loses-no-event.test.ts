import { beforeEach, describe, expect, test } from "vitest";
import { collect, type Collection, slotOf, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { returningClientOn, upTo } from "./support/recovery.js";

const CLIENTS = 30;
const EVERY_MS = 10;

let host: Holdfast;
let clients: Socket[];
let heard: Collection[];
let hellos: Collection[];
let sent: number;

/** Everybody hears everybody; what a client says is numbered by itself. */
beforeEach(async () => {
  host = await startHoldfast({ app: "recovery.mjs", workers: 3, args: ["--drain-timeout", "5s"] });
  clients = await Promise.all(upTo(CLIENTS).map((i) => returningClientOn(host, i % 3)));
  await Promise.all(clients.map((client) => client.emitWithAck("join", ["everybody"])));
  heard = clients.map((client) => collect(client, "said"));
  hellos = clients.map((client) => collect(client, "hello"));
  sent = 0;
}, 60_000);

async function underLoad(action: () => Promise<unknown>): Promise<void> {
  const said = new Map(clients.map((client) => [client, 0]));
  const talk = setInterval(() => {
    const client = clients[sent % CLIENTS] as Socket;
    // What a client says while it is away is not the server's to keep.
    if (!client.connected) return void sent++;
    const number = said.get(client) as number;
    said.set(client, number + 1);
    client.emit("say", "everybody", clients.indexOf(client), number);
    sent++;
  }, EVERY_MS);
  try {
    await action();
  } finally {
    clearInterval(talk);
  }
  const sentinel = clients.map((client, i) => client.emit("say", "everybody", i, "end"));
  await Promise.all(
    heard.map((items) => items.until((all) => all.filter(([, n]) => n === "end").length === sentinel.length, 20_000)),
  );
}

/** Each one has heard the same of everybody, in the order of saying, and nothing twice. */
function expectNothingLost(): void {
  const all = heard.map(({ items }) => clients.map((_, i) => items.filter(([from]) => from === i).map(([, n]) => n)));
  for (const one of all) expect(one).toEqual(all[0]);
  for (const bySender of all[0] as unknown[][]) {
    const numbers = bySender.slice(0, -1) as number[];
    expect(new Set(numbers).size).toBe(numbers.length);
    expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
  }
  for (const { items } of hellos) {
    for (const [hello] of items) expect(hello).toMatchObject({ recovered: true });
  }
}

async function generation(wanted: number): Promise<void> {
  await host.waitForStatus(
    ({ workers, state }) =>
      state === "ready" && workers.every(({ generation, state: is }) => generation === wanted && is === "ready"),
    30_000,
  );
}

describe("under load, with every client listening to every other", () => {
  test("a reload moves each session once and loses nothing", { timeout: 90_000 }, async () => {
    await underLoad(async () => {
      host.signal("SIGHUP");
      await generation(2);
      await eventually(async () => hellos.every(({ items }) => items.length === 1), Boolean, {
        withinMs: 20_000,
        what: "all are back",
      });
    });
    expectNothingLost();
    expect(hellos.map(({ items }) => items.length)).toEqual(clients.map(() => 1));
  });

  test("fewer workers, and more again, lose nothing", { timeout: 90_000 }, async () => {
    await underLoad(async () => {
      host.signal("SIGTTOU");
      await host.waitForStatus(({ workers }) => workers.length === 2, 30_000);
      await eventually(async () => clients.every(({ connected }) => connected), Boolean, {
        withinMs: 20_000,
        what: "all are back",
      });
      host.signal("SIGTTIN");
      await host.waitForStatus(({ workers, state }) => workers.length === 3 && state === "ready", 30_000);
    });
    expectNothingLost();
    expect(clients.some((client) => slotOf(client) < 2)).toBe(true);
  });

  test("a worker told to end from outside loses nothing", { timeout: 90_000 }, async () => {
    await underLoad(async () => {
      const { pid } = await host.worker(0);
      process.kill(pid, "SIGTERM");
      await host.waitForStatus(
        ({ workers, state }) => state === "ready" && !workers.some((worker) => worker.pid === pid),
        30_000,
      );
      await eventually(async () => clients.every(({ connected }) => connected), Boolean, {
        withinMs: 20_000,
        what: "all are back",
      });
    });
    expectNothingLost();
  });
});
