// C14: 12 kB of JSON from one client must not end a process.
import { describe, expect, test } from "vitest";
import { clientsOnEach, collect, type Socket } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";

const DEPTHS = [64, 1_000, 2_100, 3_000, 5_000, 50_000];
/** JSON.stringify itself gives up a little beyond 4,000 levels. */
const ENCODABLE = 3_000;

const shapes = {
  arrays: { open: "[", close: "]", inside: (value: unknown) => (value as [unknown])[0] },
  objects: { open: '{"a":', close: "}", inside: (value: unknown) => (value as { a: unknown }).a },
};

describe.each(Object.entries(shapes))("nested %s", (_, { open, close, inside }) => {
  const nested = (depth: number) => open.repeat(depth) + 1 + close.repeat(depth);
  const depthOf = (value: unknown) => {
    let depth = 0;
    for (let at = value; typeof at === "object"; at = inside(at)) depth++;
    return depth;
  };

  test("end no process, and reach everybody or nobody", async () => {
    const host = await startHoldfast({ app: "nested.mjs", workers: 3 });
    const pids = await pidsOf(host);
    const clients = await clientsOnEach(host, [0, 1, 2]);
    const [sender, ...others] = clients as [Socket, Socket, Socket];
    const events = clients.map((client) => collect(client, "nested"));
    for (const depth of DEPTHS) sendText(sender, `2["nested",${nested(depth)}]`);
    await settled(clients);
    for (const { items } of events)
      expect(items.map(([value]) => depthOf(value))).toEqual(DEPTHS.filter((d) => d <= ENCODABLE));
    // Asked for on purpose, or as an acknowledgement, it is not more dangerous.
    for (const depth of DEPTHS) sendText(sender, `2["nested-server-side",${nested(depth)}]`);
    for (const [i, depth] of DEPTHS.entries()) sendText(sender, `2${900 + i}["echo",${nested(depth)}]`);
    await settled(clients);
    expect(await pidsOf(host)).toEqual(pids);
    expect([sender, ...others].map(({ connected }) => connected)).toEqual([true, true, true]);
  });

  test("in what a client sends to connect hide no socket from fetchSockets", async () => {
    const host = await startHoldfast({ app: "conformance.mjs", workers: 3 });
    const [asking, other] = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
    const pids = await pidsOf(host);
    for (const depth of DEPTHS) {
      const hostile = await clientsOnEach(host, [1], { namespace: "/chat" });
      // The main namespace, in which this connection is not yet.
      sendText(hostile[0] as Socket, `0{"a":${nested(depth)}}`);
    }
    for (const client of [asking, other]) expect(await client.emitWithAck("echo", 1)).toBe(1);
    const mine = { id: other.id };
    const found = await asking.emitWithAck("run", [[["io"], ["fetchSockets", []]]]);
    expect(found[0].value).toEqual(expect.arrayContaining([expect.objectContaining(mine)]));
    expect(found[0].value.length).toBe(2 + DEPTHS.length);
    expect(await pidsOf(host)).toEqual(pids);
  });
});

/** As no client library would send it: those cannot encode it. */
function sendText(client: Socket, text: string): void {
  client.io.engine.write(text);
}

/** What the clients have sent has been dealt with in all workers. */
async function settled(clients: readonly Socket[]): Promise<void> {
  for (let i = 0; i < 3; i++) for (const client of clients) expect(await client.emitWithAck("echo", i)).toBe(i);
}

async function pidsOf(host: Holdfast): Promise<number[]> {
  return (await host.workers()).map(({ pid }) => pid);
}
