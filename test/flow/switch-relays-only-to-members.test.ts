import { beforeAll, describe, expect, test } from "vitest";
import { clientOn, clientsOnEach, type Socket } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { io, nsp, run, runAll, socket } from "./support/remote.js";

describe("frames go to the workers that have a member of what is addressed, and to no other", () => {
  let host: Holdfast;
  beforeAll(async () => {
    host = await startHoldfast({ app: "conformance.mjs", workers: 3 });
  });

  test("rooms", async () => {
    const [a, b, c] = (await clientsOnEach(host, [0, 1, 2])) as [Socket, Socket, Socket];
    await run(b, socket.join(["r", "s"]));
    await run(c, socket.join(["s", "t"]));
    expect(await relays(a, io.to("nobody").emit("x"))).toBe(0);
    expect(await relays(b, io.to("r").emit("x"))).toBe(0);
    expect(await relays(a, io.to("r").emit("x"))).toBe(1);
    expect(await relays(a, io.to("s").emit("x"))).toBe(2);
    expect(await relays(a, io.to("r").to("s").to("t").emit("x"))).toBe(2);
    expect(await relays(a, io.to(c.id as string).emit("x"))).toBe(1);
    expect(await relays(a, io.emit("x"))).toBe(2);
    expect(await relays(a, io.local.emit("x"))).toBe(0);
  });

  test("namespaces, and workers without a client in them", async () => {
    const a = await clientOn(host, 0, { namespace: "/chat" });
    const b = await clientOn(host, 1, { namespace: "/chat" });
    await clientOn(host, 2);
    expect(await relays(a, nsp.emit("x"))).toBe(1);
    b.disconnect();
    await host.waitForStatus(({ workers }) => workers.every(({ slot, sockets }) => slot !== 1 || sockets === 0));
    expect(await relays(a, nsp.emit("x"))).toBe(0);
  });

  test("a room that its last member on a worker has left", async () => {
    const [a, b, b2] = (await clientsOnEach(host, [0, 1, 1])) as [Socket, Socket, Socket];
    for (const member of [b, b2]) await run(member, socket.join("r"));
    await run(b, socket.leave("r"));
    expect(await relays(a, io.to("r").emit("x"))).toBe(1);
    await run(b2, socket.leave("r"));
    expect(await relays(a, io.to("r").emit("x"))).toBe(0);
  });

  test("questions", async () => {
    const [a, b] = (await clientsOnEach(host, [0, 1, 2])) as [Socket, Socket, Socket];
    await run(b, socket.join("r"));
    // One there, and one back.
    expect(await relays(a, io.in("r").fetchSockets())).toBe(2);
    expect(await relays(a, io.in("nobody").fetchSockets())).toBe(0);
    expect(await relays(a, io.in("nobody").timeout(10_000).emitWithAck("x"))).toBe(0);
  });

  /** How many frames the switch relays when the worker of `client` makes the call. */
  async function relays(client: Socket, call: unknown): Promise<number> {
    const before = await relayed();
    // Answered by the switch itself once it has relayed what was sent before.
    await runAll(client, call, io.of("/").adapter.serverCount());
    return (await relayed()) - before;
  }

  async function relayed(): Promise<number> {
    return (await host.status()).counters.switchFramesRelayed as number;
  }
});
