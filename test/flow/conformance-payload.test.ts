import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { collect, received } from "./support/client.js";
import { fence, io, run } from "./support/remote.js";
import { clientOnEach, onEveryTopology } from "./support/topology.js";

const LARGE_MS = 30_000;

const bytes = Buffer.from("some bytes");
const payloads: Record<string, unknown[]> = {
  nothing: [],
  "every kind of JSON": [null, true, false, 0, -1.5, 1e21, "", "text", [], [[]], {}, { a: { b: [1] } }],
  "keys that are no ordinary ones": [JSON.parse('{"__proto__": {"a": 1}, "constructor": 1, "toString": 2, "": 3}')],
  "Unicode of every plane": ["é€😀𝒳\u0000\u2028\ufffe\uffff", "\u202ertl", "e\u0301"],
  "lone surrogates": ["\ud800", "a\udfff b", { "\udc00": ["\ud83d"] }],
  binary: [bytes],
  "empty binary": [Buffer.alloc(0)],
  "nested binary": [{ deep: [{ er: bytes }, bytes], also: { more: [bytes] } }, "text", bytes],
  "as much binary as a client takes": [Array.from({ length: 10 }, (_, i) => Buffer.alloc(i + 1, i))],
  "text that looks like a packet": ["2[]", '51-["x",{"_placeholder":true,"num":0}]', { _placeholder: true, num: "x" }],
  "many small things": [Array.from({ length: 5_000 }, (_, i) => ({ i, text: `n${i}` }))],
  "16 kB and a bit, where frames are borrowed": ["x".repeat(16 * 1024 + 1), Buffer.alloc(16 * 1024 + 1, 1)],
};

/** A plain server's decoder makes a prototype of the key `__proto__`, and U+FFFD of half a surrogate pair. */
const notForNotepack = new Set(["keys that are no ordinary ones", "lone surrogates", "\ud800"]);

onEveryTopology("conformance.mjs", (topology) => {
  test.for(Object.entries(payloads))("%s", async ([name, args], { skip }) => {
    skip(topology.plain !== undefined && notForNotepack.has(name), "notepack.io, redis-adapter's decoder, changes it");
    const clients = await clientOnEach(topology);
    const events = clients.map((client) => received(client, "news"));
    await run(clients[0], io.emit("news", ...args));
    for (const event of events) expect(await event).toEqual(args);
  });

  test("typed arrays arrive as the bytes of the view, not of the memory behind it", async () => {
    const clients = await clientOnEach(topology);
    const events = clients.map((client) => received(client, "typed"));
    await act(clients[0], "emitTypedArrays");
    const sizes = [2, 4, 8, 16, 16, 2, 2, 2];
    const from8 = (size: number) => Buffer.from(Array.from({ length: size }, (_, i) => 8 + i));
    for (const event of events) {
      const [{ views, all }] = (await event) as [{ views: Buffer[]; all: Buffer }];
      expect(views).toEqual(sizes.map(from8));
      expect(all).toHaveLength(64);
    }
  });

  test("what JSON changes is changed for everybody alike", async () => {
    const clients = await clientOnEach(topology);
    const events = clients.map((client) => received(client, "odd"));
    await act(clients[0], "emitOddValues");
    const date = "1970-01-01T00:00:00.005Z";
    for (const event of events) expect(await event).toEqual([null, null, 0, date, {}, {}, null, null, "12 EUR", {}]);
  });

  test.each([
    ["1 MB of bytes", "bytes", 1024 * 1024],
    ["20 MB of bytes", "bytes", 20 * 1024 * 1024],
    ["1 MB of text", "text", 512 * 1024],
    ["20 MB of text", "text", 10 * 1024 * 1024],
  ])("%s", async (_, kind, count) => {
    const clients = await clientOnEach(topology);
    const events = clients.map((client) => received(client, kind, LARGE_MS));
    await act(clients[0], kind === "bytes" ? "emitBytes" : "emitText", count);
    const wanted = digest(kind === "bytes" ? Buffer.alloc(count, 7) : "é".repeat(count));
    for (const event of events) expect(digest((await event)[0])).toBe(wanted);
  });

  test("20 MB amid other events is neither lost nor out of its turn", async () => {
    const [a, b] = await clientOnEach(topology);
    const order: unknown[] = [];
    b.onAny((event: string, arg: unknown) => order.push(event === "news" ? arg : event));
    await run(a, io.emit("news", "before"));
    await act(a, "emitBytes", 20 * 1024 * 1024);
    await run(a, io.emit("news", "after"));
    await fence(a, [b], 30_000);
    expect(order.slice(0, 3)).toEqual(["before", "bytes", "after"]);
  });

  describe("an event name", () => {
    const names = ["__proto__", "toString", "error", "\ud800", "", "é😀", "data", "message"];
    test.for(names)("%j", async (name, { skip }) => {
      skip(
        topology.plain !== undefined && notForNotepack.has(name),
        "notepack.io, redis-adapter's decoder, changes it",
      );
      const clients = await clientOnEach(topology);
      const events = clients.map((client) => collect(client, name));
      await run(clients[0], io.emit(name, 1));
      await fence(clients[0], clients);
      for (const { items } of events) expect(items).toEqual([[1]]);
    });

    test.each(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])(
      "%j is refused",
      async (name) => {
        const [a] = await clientOnEach(topology);
        await expect(run(a, io.emit(name))).rejects.toThrow(`"${name}" is a reserved event name`);
      },
    );
  });
});

function digest(payload: unknown): string {
  return createHash("sha256")
    .update(payload as Buffer)
    .digest("hex");
}
