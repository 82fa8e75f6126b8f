import { once } from "node:events";
import type { Socket as Client } from "socket.io-client";
import { expect, onTestFinished, test } from "vitest";
import app from "../../../src/chat/app.js";
import { startCluster, type Worker } from "../worker/cluster.js";

const HOST = "harbour";

test("a message reaches every client on every worker, and the sender, in the contract's form", async () => {
  const [ada, bob, eve] = await startClients();
  ada.emit("send-message", { username: "ada", text_message: "hello" });
  for (const client of [ada, bob, eve]) {
    expect(await heard(client, "receive-message")).toEqual([{ sender: "ADA", text_message: "hello" }]);
  }
});

test("what a message leaves out arrives as null", async () => {
  const [ada, bob] = await startClients();
  ada.emit("send-message", {});
  expect(await heard(bob, "receive-message")).toEqual([{ sender: null, text_message: null }]);
});

test("a greeting reaches the room's members, and nobody after leaving", async () => {
  const [ada, bob, eve] = await startClients();
  const others = [record(ada), record(eve)];
  await bob.emitWithAck("join", { to: "r" });
  ada.emit("say", { name: "ada", to: "r" });
  expect(await heard(bob, "gm")).toEqual([{ name: "ada", to: "r" }]);
  await bob.emitWithAck("leave", { to: "r" });
  const bobs = record(bob);
  ada.emit("say", { name: "ada", to: "r" });
  await fence(ada, [ada, bob, eve]);
  expect([bobs, ...others].map((one) => one.slice(0, -1))).toEqual([[], [], []]);
});

test("a greeting to 0 reaches everybody as a broadcast", async () => {
  const [ada, bob] = await startClients();
  ada.emit("say", { name: "ada", to: "0" });
  expect(await heard(ada, "broadcast")).toEqual([{ name: "ada" }]);
  ada.emit("say", { name: "ada", to: "0" });
  expect(await heard(bob, "broadcast")).toEqual([{ name: "ada" }]);
});

test("a message to a room reaches its members alone, and says which room", async () => {
  const [ada, bob, eve] = await startClients();
  const eves = record(eve);
  await bob.emitWithAck("join", { to: "r" });
  ada.emit("send-message", { username: "ada", text_message: "psst", to: "r" });
  expect(await heard(bob, "receive-message")).toEqual([{ sender: "ADA", text_message: "psst", to: "r" }]);
  await fence(ada, [eve]);
  expect(eves).toHaveLength(1);
});

test("who joins or leaves with a name is announced to the room's others", async () => {
  const [ada, bob] = await startClients();
  await ada.emitWithAck("join", { to: "r" });
  bob.emit("join", { to: "r", name: "bob" });
  expect(await heard(ada, "joined")).toEqual([{ name: "bob", to: "r" }]);
  bob.emit("leave", { to: "r", name: "bob" });
  expect(await heard(ada, "left")).toEqual([{ name: "bob", to: "r" }]);
});

test("malformed events do nothing, throw nothing, and are answered if an answer is asked for", async () => {
  const [ada, bob] = await startClients();
  const bobs = record(bob);
  const payloads = [undefined, null, "x", 7, [], { to: 7 }, { to: "" }, { to: {} }, { to: "x".repeat(100_000) }];
  for (const event of ["send-message", "say", "join", "leave"]) {
    for (const payload of [...payloads, Buffer.from("x"), { username: {}, name: [], to: ["r"] }]) {
      ada.emit(event, payload);
      expect(await ada.emitWithAck(event, payload), `${event} ${JSON.stringify(payload)?.slice(0, 40)}`).toEqual({
        ok: false,
      });
    }
    expect(await ada.emitWithAck(event)).toEqual({ ok: false });
  }
  await fence(ada, [bob]);
  expect(bobs).toHaveLength(1);
});

test("a client cannot leave the room of its own id, nor join rooms without end", async () => {
  const [ada, bob] = await startClients();
  expect(await ada.emitWithAck("leave", { to: ada.id })).toEqual({ ok: false });
  bob.emit("say", { name: "bob", to: ada.id });
  expect(await heard(ada, "gm")).toEqual([{ name: "bob", to: ada.id }]);
  const answers = await Promise.all(Array.from({ length: 1001 }, (_, i) => ada.emitWithAck("join", { to: `r${i}` })));
  expect(answers.filter(({ ok }) => !ok)).toHaveLength(2);
  expect(await ada.emitWithAck("join", { to: "r0" })).toEqual({ ok: true });
});

test("who says hello learns which worker and host serve it, and how many are there", async () => {
  const [ada, , eve] = await startClients();
  for (const [client, slot] of [
    [ada, 0],
    [eve, 2],
  ] as const) {
    const counts = record(client, "presence");
    client.emit("hello", {});
    const worker = { slot, pid: 1000 + slot, generation: 1 };
    expect(await heard(client, "welcome")).toEqual([{ id: client.id, worker, host: HOST }]);
    await expect.poll(() => counts.at(-1)).toEqual({ count: 3 });
  }
});

test("the count follows who comes and goes, and the death of a worker", async () => {
  const { workers, clients } = await startChat();
  const [ada, bob] = clients as [Client, Client];
  const counts = record(ada, "presence");
  ada.emit("hello", {});
  await expect.poll(() => counts.at(-1)).toEqual({ count: 3 });
  bob.disconnect();
  await expect.poll(() => counts.at(-1), { timeout: 5000 }).toEqual({ count: 2 });
  (workers[2] as Worker).die();
  await expect.poll(() => counts.at(-1), { timeout: 5000 }).toEqual({ count: 1 });
});

test("a client that does not say hello hears nothing beyond the contract", async () => {
  const [ada, bob, eve] = await startClients();
  const events = record(bob);
  ada.emit("hello", {});
  await heard(ada, "presence");
  eve.disconnect();
  await heard(ada, "presence");
  await fence(ada, [bob]);
  expect(events).toHaveLength(1);
});

/** One client on each of three workers. */
async function startClients(): Promise<[Client, Client, Client]> {
  return (await startChat()).clients as [Client, Client, Client];
}

async function startChat() {
  const { workers } = await startCluster();
  const drain = new AbortController();
  onTestFinished(() => drain.abort());
  for (const [slot, { io }] of workers.entries()) {
    const worker = { slot, pid: 1000 + slot, generation: 1 };
    app(io, { http: { on: () => {} }, worker, host: HOST, signal: drain.signal });
  }
  return { workers, clients: await Promise.all(workers.map((worker) => worker.connect())) };
}

/** What the client hears from now on, as it comes: all events' payloads, or those of one event. */
function record(client: Client, event?: string): unknown[] {
  const heard: unknown[] = [];
  client.onAny((name, payload) => void ((event ?? name) === name && heard.push(payload)));
  return heard;
}

function heard(client: Client, event: string): Promise<unknown[]> {
  return once(client as never, event, { signal: AbortSignal.timeout(5000) });
}

/** Each sender's order is kept: who has heard this has heard all that was to come from it before. */
async function fence(from: Client, at: readonly Client[]): Promise<void> {
  const arrived = Promise.all(at.map((client) => heard(client, "broadcast")));
  from.emit("say", { name: "fence", to: "0" });
  await arrived;
}
