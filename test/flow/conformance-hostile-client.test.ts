// C13, C15, C23: what a client may send that no client library does. As in one process, it costs at most its own connection.
import { describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { disconnected, received, type Socket } from "./support/client.js";
import { io, run } from "./support/remote.js";
import { clientOnEach, onEveryTopology } from "./support/topology.js";

const bytes = Buffer.from("b");

const closing: Record<string, readonly (string | Buffer)[]> = {
  "too many attachments": ['511-["x",{"_placeholder":true,"num":0}]'],
  "no number of attachments": ['5<11>-["x"]'],
  "zero attachments": ['50-["x"]'],
  "a placeholder before the first": ['51-["x",{"_placeholder":true,"num":-1}]', bytes],
  "a placeholder behind the last": ['51-["x",{"_placeholder":true,"num":1000000000}]', bytes],
  "a placeholder by name": ['51-["x",{"_placeholder":true,"num":"__proto__"}]', bytes],
  "text in place of an attachment": ['51-["x",{"_placeholder":true,"num":0}]', '2["x"]'],
  "an attachment that nobody waits for": [bytes],
  "the reserved event connect": ['2["connect"]'],
  "the reserved event disconnecting": ['2["disconnecting"]'],
  "an object as event": ['2[{"toString":1}]'],
  "null as event": ["2[null]"],
  "no array": ['2{"length":1}'],
  "no JSON": ["2[x"],
  "an unknown kind of packet": ["9[]"],
  nothing: ["x"],
  "a second CONNECT": ['0{"sid":"x"}'],
  "a CONNECT_ERROR": ['4{"message":"x"}'],
  "an event for a namespace that it has not joined": ['2/chat,["x"]'],
};

const harmless: Record<string, string> = {
  "the event toString": '2["toString"]',
  "the event __proto__": '2["__proto__",{"__proto__":{"polluted":1}}]',
  "the event error": '2["error","x"]',
  "a number as event": "2[1]",
  "an acknowledgement that nobody asked for": "3999[1]",
  "an acknowledgement of no number": "3[]",
};

onEveryTopology("conformance.mjs", (topology) => {
  test.each(Object.entries(closing))("%s closes the connection, and no other", async (_, packets) => {
    const [hostile, b, c] = await clientOnEach(topology);
    const ended = disconnected(hostile);
    for (const packet of packets) hostile.io.engine.write(packet);
    expect(["transport close", "io server disconnect"]).toContain(await ended);
    for (const other of [b, c]) expect(await other.emitWithAck("echo", 1)).toBe(1);
  });

  test.each(Object.entries(harmless))("%s does nothing", async (_, packet) => {
    const [hostile] = await clientOnEach(topology);
    hostile.io.engine.write(packet);
    expect(await hostile.emitWithAck("echo", 1)).toBe(1);
  });

  describe("keys that could change a prototype", () => {
    const hostile = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const options = {
      auth: JSON.parse(hostile),
      query: { "__proto__[polluted]": "1", "constructor.prototype.polluted": "1" },
    };

    test("change none, in any process, wherever they come from", async () => {
      const clients = await clientOnEach(topology, { options });
      const [a, b] = clients;
      const event = received(b, "news");
      await run(a, io.emit("news", JSON.parse(hostile)));
      expect(JSON.stringify((await event)[0])).toBe(hostile);
      b.on("q", (arg, ack) => ack(arg));
      expect(await act(a, "askInText", b.id, "q", JSON.parse(hostile))).toBe(`[${hostile}]`);
      await act(b, "setData", { extra: JSON.parse(hostile) });
      await act(a, "describe", b.id);
      const answers = topology.servers === 1 ? undefined : await act(a, "askServersInText", JSON.parse(hostile));
      const answer = Array.from({ length: topology.servers - 1 }, () => hostile);
      // A plain server's decoder has made a prototype of it, on the object alone.
      if (!topology.plain) expect([undefined, `[${answer}]`]).toContain(answers);
      await expectNoPollution(clients);
    });
  });
});

async function expectNoPollution(clients: readonly Socket[]): Promise<void> {
  for (const client of clients) expect(await act(client, "pollution")).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
}
