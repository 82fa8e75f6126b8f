import { expect, test } from "vitest";
import { type Collection, clientsOnEach, collect, connect, received, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";

test("send-message reaches everybody, on every worker, with the sender in upper case", async () => {
  const clients = await clientsOnThree();
  const inboxes = clients.map((client) => collect(client, "receive-message"));
  for (const [i, client] of clients.entries()) {
    client.emit("send-message", { username: `ada straße ${i}`, text_message: `text ${i}` });
    for (const inbox of inboxes) await inbox.untilCount(i + 1);
  }
  const expected = clients.map((_, i) => [{ sender: `ADA STRASSE ${i}`, text_message: `text ${i}` }]);
  for (const { items } of inboxes) expect(items).toEqual(expected);
});

test("what send-message leaves out arrives as null", async () => {
  const [ada, bob] = await clientsOnThree();
  const inbox = collect(bob, "receive-message");
  for (const payload of [{}, { username: "ada" }, { text_message: "hi" }, { username: null, text_message: "" }]) {
    ada.emit("send-message", payload);
  }
  expect(await inbox.untilCount(4)).toEqual([
    [{ sender: null, text_message: null }],
    [{ sender: "ADA", text_message: null }],
    [{ sender: null, text_message: "hi" }],
    [{ sender: null, text_message: "" }],
  ]);
});

test("say reaches a room's members as gm from when they have joined until they have left", async () => {
  const [ada, bob, eve] = await clientsOnThree();
  const greetings = [ada, bob, eve].map((client) => collect(client, "gm"));
  ada.emit("say", { name: "too early", to: "harbour" });
  await fence(ada, [bob]);
  expect(await bob.emitWithAck("join", { to: "harbour" })).toEqual({ ok: true });
  // Bob's join is known everywhere once he was told of it.
  ada.emit("say", { name: "ada", to: "harbour" });
  eve.emit("say", { name: "eve", to: "harbour" });
  await greetings[1]?.untilCount(2);
  expect(await bob.emitWithAck("leave", { to: "harbour" })).toEqual({ ok: true });
  ada.emit("say", { name: "too late", to: "harbour" });
  await fence(ada, [ada, bob, eve]);
  const [adas, bobs, eves] = greetings.map(({ items }) => items);
  expect(bobs).toEqual(expect.arrayContaining([[{ name: "ada", to: "harbour" }], [{ name: "eve", to: "harbour" }]]));
  expect(bobs).toHaveLength(2);
  expect([adas, eves]).toEqual([[], []]);
});

test('say to "0" reaches everybody as broadcast', async () => {
  const clients = await clientsOnThree();
  const inboxes = clients.map((client) => collect(client, "broadcast"));
  clients[1].emit("say", { name: "bob", to: "0" });
  for (const inbox of inboxes) expect(await inbox.untilCount(1)).toEqual([[{ name: "bob" }]]);
});

test("join and leave need no acknowledgement, and hold in the order they were sent", async () => {
  const [ada, bob] = await clientsOnThree();
  const greetings = collect(ada, "gm");
  for (const to of ["a", "b", "c"]) ada.emit("join", { to });
  ada.emit("leave", { to: "b" });
  await ada.emitWithAck("join", { to: "d" });
  for (const to of ["a", "b", "c", "d"]) bob.emit("say", { name: "bob", to });
  await fence(bob, [ada]);
  expect(greetings.items.map(([greeting]) => (greeting as { to: string }).to)).toEqual(["a", "c", "d"]);
});

test("clients that poll take part as those with a WebSocket do", async () => {
  const host = await startHoldfast({ workers: 3 });
  const clients = await Promise.all(
    (["polling", "websocket", "both"] as const).map((transport) => connect(host, { transport })),
  );
  for (const client of clients) await client.emitWithAck("join", { to: "harbour" });
  const inboxes = clients.flatMap((client) => ["receive-message", "gm"].map((event) => collect(client, event)));
  for (const client of clients) {
    client.emit("send-message", { username: "a", text_message: "b" });
    client.emit("say", { name: "a", to: "harbour" });
  }
  await Promise.all(inboxes.map((inbox: Collection) => inbox.untilCount(clients.length)));
});

test("GET /headers answers the request's headers as JSON, whichever worker answers", async () => {
  const host = await startHoldfast({ workers: 3 });
  for (let i = 0; i < 6; i++) {
    // A connection each, so that they are spread.
    const headers = { "x-number": String(i), cookie: "a=b; c=d", connection: "close" };
    const response = await fetch(`${host.url}/headers`, { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await response.json()).toMatchObject({
      host: new URL(host.url).host,
      "x-number": String(i),
      cookie: "a=b; c=d",
    });
  }
});

async function clientsOnThree(): Promise<[Socket, Socket, Socket]> {
  const host = await startHoldfast({ workers: 3 });
  return (await clientsOnEach(host, [0, 1, 2])) as [Socket, Socket, Socket];
}

/** Each sender's order is kept: what `from` sent before has come, or will never come. */
async function fence(from: Socket, to: readonly Socket[]): Promise<void> {
  const arrivals = to.map((client) => received(client, "broadcast"));
  from.emit("say", { name: "fence", to: "0" });
  await Promise.all(arrivals);
}
