import { beforeAll, describe, expect, test } from "vitest";
import { clientOn, collect, connect, type Socket, slotOf, type Transport } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { back, drop, firstOf, RECONNECTS, returningClientOn, whileAway } from "./support/recovery.js";

let host: Holdfast;
let sender: Socket;

beforeAll(async () => {
  host = await startHoldfast({ app: "recovery.mjs", workers: 2 });
  sender = await clientOn(host, 1);
});

test.each(["polling", "both"] satisfies Transport[])("by %s", async (transport) => {
  const client = await connect(host, { transport, options: { ...RECONNECTS } });
  await client.emitWithAck("join", ["r"]);
  const said = collect(client, "said");
  const recovered = await whileAway(client, async () => {
    for (let i = 0; i < 50; i++) sender.emit("say", "r", i, "x".repeat(i * 100));
    await sender.emitWithAck("echo");
  });
  expect(recovered).toBe(true);
  sender.emit("say", "r", 50);
  await said.untilCount(51);
  expect(firstOf(said.items)).toEqual(Array.from({ length: 51 }, (_, i) => i));
});

describe("in a child of a namespace", () => {
  test("what its parent sent to all its children", async () => {
    const client = await returningClientOn(host, 0, { namespace: "/child-1" });
    const witness = await clientOn(host, 1, { namespace: "/child-2" });
    await client.emitWithAck("join", "r");
    const [said, witnessed] = [collect(client, "said"), collect(witness, "said")];
    const recovered = await whileAway(client, async () => {
      sender.emit("say-to-children", 1);
      sender.emit("say-to-children-in", "r", 2);
      sender.emit("say-to-children-in", "elsewhere", "not for it");
      sender.emit("say-to-children", 3, Buffer.from("binary"));
      await witnessed.untilCount(2);
    });
    expect(recovered).toBe(true);
    sender.emit("say-to-children", 4);
    await said.untilCount(4);
    expect(firstOf(said.items)).toEqual([1, 2, 3, 4]);
    expect(said.items[2]?.[1]).toEqual(Buffer.from("binary"));
    expect(firstOf(await witnessed.untilCount(3))).toEqual([1, 3, 4]);
  });

  test("when it was the only client there", async () => {
    const client = await returningClientOn(host, 0, { namespace: "/child-alone" });
    const said = collect(client, "said");
    expect(
      await whileAway(client, async () => {
        sender.emit("say-to-children", 1);
        await sender.emitWithAck("echo");
      }),
    ).toBe(true);
    expect(firstOf(await said.untilCount(1))).toEqual([1]);
  });
});

test("in several namespaces over one connection, each with its own", async () => {
  const client = await returningClientOn(host, 0);
  const child = client.io.socket("/child-3");
  await new Promise((resolve) => child.once("connect", () => resolve(undefined)));
  await client.emitWithAck("join", ["r"]);
  const [said, ofChild] = [collect(client, "said"), collect(child, "said")];
  const both = Promise.all([back(client), back(child)]);
  drop(client);
  sender.emit("say", "r", "to one");
  sender.emit("say-to-children", "to the other");
  expect(await both).toEqual([true, true]);
  expect(firstOf(await said.untilCount(1))).toEqual(["to one"]);
  expect(firstOf(await ofChild.untilCount(1))).toEqual(["to the other"]);
});

test("with a parser of the app's own", async () => {
  const own = await startHoldfast({ app: "recovery-parser.mjs", workers: 2 });
  const { parser } = await import("../fixtures/json-parser.mjs");
  const client = await returningClientOn(own, 0, { options: { parser } });
  const other = await clientOn(own, 1, { options: { parser } });
  await client.emitWithAck("join", ["r"]);
  const said = collect(client, "said");
  const recovered = await whileAway(client, async () => {
    other.emit("say", "r", 1);
    await other.emitWithAck("echo");
  });
  expect(recovered).toBe(true);
  other.emit("say", "r", 2);
  await said.untilCount(2);
  expect(said.items.map((args) => args.length)).toEqual([2, 2]);
  expect(firstOf(said.items)).toEqual([1, 2]);
});

test("without recovery nothing more is on the wire", async () => {
  const off = await startHoldfast({ app: "recovery.mjs", workers: 2, args: ["--recovery", "off"] });
  const [client, other] = [await clientOn(off, 0), await clientOn(off, 1)];
  await client.emitWithAck("join", ["r"]);
  const said = collect(client, "said");
  other.emit("say", "r", 1);
  await said.untilCount(1);
  expect(said.items).toEqual([[1]]);
  expect((client as unknown as { _pid?: string })._pid).toBeUndefined();
  const { recovery, counters } = await off.status();
  expect(recovery).toEqual({ mode: "off", entries: 0, bytes: 0, sessions: 0 });
  expect(Object.keys(counters).filter((name) => name.startsWith("recovery"))).toEqual([]);
  expect(slotOf(client)).toBe(0);
});
