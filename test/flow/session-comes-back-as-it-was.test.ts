import { beforeAll, describe, expect, test } from "vitest";
import { clientOn, collect, open, received, type Socket } from "./support/client.js";
import { eventually, within } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { ProtocolClient } from "./support/protocol.js";
import { back, drop, dropAndReturn, firstOf, returningClientOn, sessionOf } from "./support/recovery.js";
import { fence, io, run, socket } from "./support/remote.js";

let host: Holdfast;

beforeAll(async () => {
  host = await startHoldfast({ app: "remote.mjs", workers: 3, args: ["--recovery", "on"] });
});

/** Closes the connection for a while in which `meanwhile` happens. */
async function away(client: Socket, meanwhile: () => Promise<unknown>): Promise<boolean> {
  client.io.reconnection(false);
  drop(client);
  await meanwhile();
  client.io.reconnection(true);
  const returned = back(client);
  client.connect();
  return returned;
}

/** A client that comes with what another one has, and what it hears before and after it is let in. */
async function impostor(session: { pid: unknown; offset?: unknown }): Promise<{ client: Socket; pid: string }> {
  const client = open(host, { options: { auth: session } });
  await within(new Promise((resolve) => client.once("connect", () => resolve(undefined))), 5_000, "a connection");
  return { client, pid: sessionOf(client).pid };
}

async function refused(): Promise<Record<string, number>> {
  const { counters } = await host.status();
  return Object.fromEntries(Object.entries(counters).filter(([name]) => name.startsWith("recoveryRefused")));
}

describe("a client that comes back", () => {
  test("has its id, its rooms, its data, and what it missed", async () => {
    const client = await returningClientOn(host, 0);
    const other = await clientOn(host, 1);
    const { id } = client;
    await run(client, socket.join("r"));
    const news = collect(client, "news");
    await run(other, io.to("r").emit("news", 0));
    await news.untilCount(1);
    const recovered = await away(client, async () => {
      await run(other, io.to("r").emit("news", 1));
      await run(other, io.to("elsewhere").emit("news", "not for it"));
      await run(other, io.emit("news", 2, Buffer.from("binary")));
      await run(other, io.except("r").emit("news", "not for it either"));
      await run(other, io.to(id as string).emit("news", 3));
    });
    expect(recovered).toBe(true);
    expect(client.id).toBe(id);
    await fence(other, [client]);
    expect(firstOf(news.items)).toEqual([0, 1, 2, 3]);
    expect(news.items[2]?.[1]).toEqual(Buffer.from("binary"));
    const [{ rooms }] = (await run(other, io.in(id as string).fetchSockets())) as [{ rooms: string[] }];
    expect(rooms.sort()).toEqual([id, "r"].sort());
  });

  /** Socket.IO's client keeps what comes before for the next time that it is connected, when it would have it twice. */
  test("is told that it is connected before it gets what it missed", async () => {
    const client = await clientOn(host, 0);
    const news = collect(client, "news");
    await run(client, io.emit("news", 1));
    await news.untilCount(1);
    const session = sessionOf(client);
    drop(client);
    await run(await clientOn(host, 1), io.emit("news", 2));
    const wire = new ProtocolClient(host).websocket();
    wire.send(`40${JSON.stringify(session)}`);
    await wire.handshake();
    expect(await wire.next()).toMatch(new RegExp(`^40.*${session.pid}`));
    expect(await wire.next()).toMatch(/^42\["news",2,/);
    wire.close();
  });

  test("gets what came while it was being let in once, and in order", async () => {
    const client = await returningClientOn(host, 0);
    const other = await clientOn(host, 1);
    await run(client, socket.join("busy"));
    const news = collect(client, "busy");
    let sent = 0;
    const talk = setInterval(() => void run(other, io.to("busy").emit("busy", sent++)), 1);
    for (let round = 0; round < 10; round++) expect(await dropAndReturn(client)).toBe(true);
    clearInterval(talk);
    await fence(other, [client]);
    await news.untilCount(sent);
    expect(firstOf(news.items)).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  test("does so before the server noticed that it was gone, and the old connection is closed (H02)", async () => {
    const client = await clientOn(host, 0);
    const { id } = client;
    const gone = new Promise((resolve) => client.once("disconnect", resolve));
    const hello = open(host, { options: { auth: { ...sessionOf(client), offset: undefined } } });
    await within(new Promise((resolve) => hello.once("connect", () => resolve(undefined))), 5_000, "the takeover");
    expect(hello.id).toBe(id);
    await within(gone, 5_000, "the end of the old connection");
    const sockets = (await run(hello, io.in(id as string).fetchSockets())) as unknown[];
    expect(sockets).toHaveLength(1);
  });

  test("need not have got any event (H03), and can do so twice without one between (H05)", async () => {
    const client = await returningClientOn(host, 0);
    expect(sessionOf(client).offset).toBeUndefined();
    const other = await clientOn(host, 1);
    const news = collect(client, "first");
    expect(await away(client, () => run(other, io.emit("first", 1)))).toBe(true);
    await news.untilCount(1);
    expect(await dropAndReturn(client)).toBe(true);
    expect(await dropAndReturn(client)).toBe(true);
    await fence(other, [client]);
    expect(firstOf(news.items)).toEqual([1]);
  });

  test("is one: of two that come at once, one gets the session (H06)", async () => {
    const client = await clientOn(host, 0);
    const other = await clientOn(host, 1);
    const { pid } = sessionOf(client);
    const { id } = client;
    drop(client);
    await eventually(
      () => run(other, io.in(id as string).fetchSockets()),
      (found) => (found as unknown[]).length === 0,
      { what: "the old connection has gone" },
    );
    const both = await Promise.all([impostor({ pid }), impostor({ pid })]);
    expect(both.filter((one) => one.pid === pid)).toHaveLength(1);
  });

  test("with something forged is new (H07)", async () => {
    const client = await clientOn(host, 0);
    const other = await clientOn(host, 1);
    const arrived = received(client, "news");
    await run(other, io.emit("news"));
    const [offset] = (await arrived) as [string];
    const { pid } = sessionOf(client);
    const [epoch, worker, own] = offset.split("~");
    const before = await refused();
    for (const forged of [
      { pid: "x".repeat(20), offset },
      { pid: "", offset },
      { pid: "__proto__", offset },
      { pid: { toString: "x" }, offset },
      { pid: ["x"] },
      { pid: 7 },
    ]) {
      const { pid: given } = await impostor(forged);
      expect(given).toHaveLength(20);
      expect(given).not.toBe(pid);
    }
    expect((await refused())["recoveryRefused-unknown"]).toBe((before["recoveryRefused-unknown"] ?? 0) + 3);
    for (const bad of ["", "garbage", 7, {}, `${epoch}~${worker}~${own}~zzzzzzz`, `${offset}x~`, "a".repeat(100_000)]) {
      const session = sessionOf(await clientOn(host, 0));
      const { pid: given } = await impostor({ pid: session.pid, offset: bad });
      expect(given).not.toBe(session.pid);
    }
  });

  test("of another namespace gets nothing of this one", async () => {
    const client = await clientOn(host, 0);
    const { pid } = sessionOf(client);
    const foreign = await clientOn(host, 1, { namespace: "/chat", options: { auth: { pid } } });
    expect(sessionOf(foreign).pid).not.toBe(pid);
  });

  test("is not misled by texts that look like an offset (H11)", async () => {
    const client = await returningClientOn(host, 0);
    const other = await clientOn(host, 1);
    const news = collect(client, "news");
    await run(other, io.emit("news", 0));
    await news.untilCount(1);
    await run(other, io.volatile.emit("only-a-name"));
    await run(other, io.volatile.emit("volatile", "abc"));
    await run(other, io.emit("trailing", "abc"));
    await run(client, io.local.emit("local", "abc"));
    await run(client, socket.emit("direct", "abc"));
    await fence(other, [client]);
    expect(await away(client, () => run(other, io.emit("news", 1)))).toBe(true);
    await news.untilCount(2);
    expect(firstOf(news.items)).toEqual([0, 1]);
  });

  test("misses what is volatile or wants an answer (P8)", async () => {
    const client = await returningClientOn(host, 0);
    const other = await clientOn(host, 1);
    const all: string[] = [];
    client.onAny((event) => all.push(event));
    const recovered = await away(client, async () => {
      await run(other, io.volatile.emit("volatile"));
      await run(other, io.timeout(50).emitWithAck("ack")).catch(() => {});
      await run(other, io.emit("durable"));
    });
    expect(recovered).toBe(true);
    await fence(other, [client]);
    expect(all.filter((event) => ["volatile", "ack", "durable"].includes(event))).toEqual(["durable"]);
  });

  test("finds its rooms as the server has changed them meanwhile (H14)", async () => {
    const client = await returningClientOn(host, 0);
    const [near, far] = [await clientOn(host, 0), await clientOn(host, 1)];
    await run(client, socket.join(["kept", "left"]));
    const news = collect(client, "news");
    const id = client.id as string;
    const recovered = await away(client, async () => {
      const isGone = (found: unknown) => (found as unknown[]).length === 0;
      await eventually(() => run(far, io.in(id).fetchSockets()), isGone, { what: "the server knows that it is away" });
      await run(far, io.in("kept").socketsJoin("joined"));
      await run(far, io.to("joined").emit("news", 1));
      await run(near, io.in("joined").socketsJoin("joined-later"));
      await run(near, io.to("joined-later").emit("news", 2));
      await run(far, io.to("left").emit("news", 3));
      await run(far, io.in("left").socketsLeave("left"));
      await run(far, io.to("left").emit("news", "not any more"));
    });
    expect(recovered).toBe(true);
    await fence(far, [client]);
    await fence(near, [client]);
    expect(firstOf(news.items)).toEqual([1, 2, 3]);
    const [{ rooms }] = (await run(far, io.in(client.id as string).fetchSockets())) as [{ rooms: string[] }];
    expect(rooms.sort()).toEqual([client.id, "joined", "joined-later", "kept"].sort());
  });

  test.each([
    ["disconnectSockets() meanwhile", (id: string) => io.in(id).disconnectSockets()],
    ["disconnectSockets(true) meanwhile", (id: string) => io.in(id).disconnectSockets(true)],
  ])("after %s is new", async (_, disconnect) => {
    const client = await returningClientOn(host, 0);
    const other = await clientOn(host, 1);
    const id = client.id as string;
    expect(await away(client, () => run(other, disconnect(id)))).toBe(false);
    expect(client.id).not.toBe(id);
  });

  test("after disconnect() of either side is new", async () => {
    const [left, sent] = [await returningClientOn(host, 0), await returningClientOn(host, 0)];
    left.disconnect();
    const returned = back(left);
    left.connect();
    expect(await returned).toBe(false);
    const { pid } = sessionOf(sent);
    await run(sent, socket.disconnect()).catch(() => {});
    expect((await impostor({ pid })).pid).not.toBe(pid);
  });

  test("may refuse the cursors, and then gets none", async () => {
    const client = await clientOn(host, 0, { options: { query: { recovery: "0" } } });
    const other = await clientOn(host, 1);
    expect(sessionOf(client).pid).toBeUndefined();
    for (const call of [io.emit("plain", 1), io.volatile.emit("plain", 1)]) {
      const arrived = received(client, "plain");
      await run(other, call);
      expect(await arrived).toEqual([1]);
    }
    const direct = received(client, "plain");
    await run(client, socket.emit("plain", 1));
    expect(await direct).toEqual([1]);
    expect(await client.emitWithAck("echo", 1)).toBe(1);
  });
});
