import { expect, test } from "vitest";
import { clientOn, collect, open, received } from "./support/client.js";
import { eventually, within } from "./support/eventually.js";
import { startHoldfast } from "./support/holdfast.js";
import { back, drop, dropAndReturn, returningClientOn, sessionOf } from "./support/recovery.js";

test("nothing that a client missed is sent before it is let in, and to nobody who is refused (H08)", async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2 });
  const client = await returningClientOn(host, 0);
  const sender = await clientOn(host, 1);
  await client.emitWithAck("join", ["secrets"]);
  const session = sessionOf(client);
  client.io.reconnection(false);
  drop(client);
  sender.emit("say", "secrets", "for members only");
  await sender.emitWithAck("echo");
  const revoked = open(host, { options: { auth: { ...session, revoked: true } } });
  const packets: string[] = [];
  revoked.io.on("packet", (packet) => packets.push(JSON.stringify(packet)));
  await within(new Promise((resolve) => revoked.once("connect_error", resolve)), 5_000, "the refusal");
  expect(packets).toEqual([expect.stringContaining("revoked")]);
  // Who was refused has taken nothing away from the one whose session it is.
  const said = collect(client, "said");
  const returned = back(client);
  client.io.reconnection(true);
  client.connect();
  expect(await returned).toBe(true);
  expect((await said.untilCount(1))[0]?.[0]).toBe("for members only");
});

test("a worker that dies while it lets a client in takes nothing along (H13)", { timeout: 60_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2 });
  const sender = await clientOn(host, 0);
  const client = await returningClientOn(host, 0, { options: { auth: { delayMs: 0 } } });
  await client.emitWithAck("join", ["r"]);
  const said = collect(client, "said");
  client.io.reconnection(false);
  drop(client);
  sender.emit("say", "r", 1);
  await sender.emitWithAck("echo");
  const slow = await hangingOn(1);
  process.kill((await host.worker(1)).pid, "SIGKILL");
  await slow.gone;
  sender.emit("say", "r", 2);
  await sender.emitWithAck("echo");
  const returned = back(client);
  client.io.reconnection(true);
  client.connect();
  expect(await returned).toBe(true);
  expect((await said.untilCount(2)).map(([first]) => first)).toEqual([1, 2]);

  async function hangingOn(slot: number): Promise<{ gone: Promise<unknown> }> {
    for (;;) {
      const waiting = open(host, { options: { auth: { ...sessionOf(client), delayMs: 30_000 } } });
      await within(new Promise((resolve) => waiting.io.once("open", () => resolve(undefined))), 5_000, "a connection");
      const gone = new Promise((resolve) => waiting.io.once("close", resolve));
      await eventually(
        async () => (await host.status()).counters.recoveryClaims,
        (claims) => claims === 1,
        {
          what: "the session is held",
        },
      );
      if ((waiting.io.engine as unknown as { id: string }).id && (await slotOfOpen(waiting)) === slot) return { gone };
      waiting.io.engine.close();
      await eventually(
        async () => (await host.status()).counters.recoveryClaims,
        (claims) => claims === 0,
        {
          what: "the session is free again",
        },
      );
    }
  }
});

test("a client that is let in slowly misses nothing of what is sent meanwhile (H09)", async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: 2 });
  const senders = [await clientOn(host, 0), await clientOn(host, 1)];
  const client = await returningClientOn(host, 0, { options: { auth: { delayMs: 300 } } });
  await client.emitWithAck("join", ["r"]);
  const said = collect(client, "said");
  const sent = [0, 0];
  const talk = setInterval(() => {
    for (const [i, sender] of senders.entries()) sender.emit("say", "r", i, (sent[i] as number)++);
  }, 2);
  for (let round = 0; round < 3; round++) {
    const hello = received(client, "hello");
    expect(await dropAndReturn(client)).toBe(true);
    await hello;
  }
  clearInterval(talk);
  await said.untilCount((sent[0] as number) + (sent[1] as number));
  for (const i of [0, 1]) {
    const numbers = said.items.filter(([from]) => from === i).map(([, number]) => number);
    expect(numbers).toEqual(Array.from({ length: sent[i] as number }, (_, n) => n));
  }
});

test("data that cannot be kept is told, and costs nothing else (H15)", async () => {
  const host = await startHoldfast({ app: "session-data.mjs", workers: 2 });
  const client = await returningClientOn(host, 0);
  const other = await clientOn(host, 1);
  await client.emitWithAck("set-plain");
  expect(await dropAndReturn(client)).toBe(true);
  expect(await client.emitWithAck("describe")).toEqual("Map(1) 7 circle true tick undefined");
  const told = host.waitForLog(({ event, reason }) => event === "dropped" && reason === "unencodable-data");
  await client.emitWithAck("set-deep");
  await told;
  expect(await dropAndReturn(client)).toBe(true);
  expect(await client.emitWithAck("describe")).toEqual("Map(1) 7 circle false tick undefined");
  await client.emitWithAck("set-large");
  expect(await dropAndReturn(client)).toBe(true);
  expect(await other.emitWithAck("describe")).toContain("undefined");
});

test("data that changes by itself is kept within a second or two", async () => {
  const host = await startHoldfast({ app: "session-data.mjs", workers: 2 });
  const client = await returningClientOn(host, 0);
  client.emit("tick-later");
  await received(client, "ticked");
  await eventually(
    async () => {
      expect(await dropAndReturn(client)).toBe(true);
      return client.emitWithAck("describe");
    },
    (text) => (text as string).includes("tick 1"),
    { what: "the data that a timer has set" },
  );
});

async function slotOfOpen(client: ReturnType<typeof open>): Promise<number> {
  const { ownerOf } = await import("../../src/protocol/session-id.js");
  return ownerOf((client.io.engine as unknown as { id: string }).id)?.slot ?? -1;
}
