import { describe, expect, test } from "vitest";
import { clientOn, collect, connect, open, type Socket } from "./support/client.js";
import { eventually, within } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { startHosts } from "./support/hosts.js";
import { startPlainMember } from "./support/plain-member.js";
import { back, firstOf, returningClientOn, sessionOf } from "./support/recovery.js";
import { startRedis } from "./support/redis.js";
import { io, run, socket } from "./support/remote.js";

/** The client's worker is killed, and stays away until `meanwhile` is over. */
async function whileItsWorkerIsDead(host: Holdfast, client: Socket, meanwhile: () => Promise<unknown>) {
  client.io.reconnection(false);
  const gone = new Promise((resolve) => client.once("disconnect", resolve));
  process.kill((await host.worker(0)).pid, "SIGKILL");
  await gone;
  await eventually(
    () => host.worker(0),
    ({ state }) => state === "ready",
    { what: "its successor", withinMs: 10_000 },
  );
  await meanwhile();
  const returned = back(client);
  client.io.reconnection(true);
  client.connect();
  return returned;
}

describe.each(["classic", "sharded"] as const)("in %s mode", (mode) => {
  test("a client whose worker has died gets what other hosts and plain servers sent", { timeout: 90_000 }, async () => {
    const redis = await startRedis();
    const [here, there] = await startHosts({ redis: redis.url, mode, args: ["--recovery", "on"] });
    const plain = await startPlainMember({ app: "remote.mjs", mode, redis: [redis.url] });
    const client = await returningClientOn(here, 0);
    const [near, far] = [await clientOn(here, 1), await clientOn(there, 0)];
    const outside = await connect(plain);
    await run(client, socket.join("r"));
    const news = collect(client, "news");
    for (const [i, sender] of [far, outside].entries()) {
      await eventually(
        async () => {
          await run(sender, io.to("r").emit("news", `ready ${i}`));
          return news.items.some(([what]) => what === `ready ${i}`);
        },
        Boolean,
        { what: "they reach each other" },
      );
    }
    const recovered = await whileItsWorkerIsDead(here, client, async () => {
      await run(far, io.to("r").emit("news", 1, Buffer.from("binary")));
      await run(far, io.in("r").socketsJoin("s"));
      await run(far, io.to("s").emit("news", 2));
      await run(far, io.volatile.to("r").emit("news", "volatile"));
      await run(near, io.to("r").emit("news", 3));
      await run(outside, io.to("r").emit("news", 4, { deep: [new Uint8Array([1, 2])] }));
      await run(outside, io.emit("news", 5));
      await run(outside, io.emit("done"));
      await run(far, io.emit("done"));
    });
    expect(recovered).toBe(true);
    const numbers = () => firstOf(news.items).filter((what) => !`${what}`.startsWith("ready"));
    await eventually(
      async () => JSON.stringify([...numbers()].sort()),
      (all) => all === "[1,2,3,4,5]",
      { what: "all of it" },
    );
    expect([...numbers()].sort()).toEqual([1, 2, 3, 4, 5]);
    const own = (from: unknown[]) => numbers().filter((what) => from.includes(what));
    expect(own([1, 2])).toEqual([1, 2]);
    expect(own([4, 5])).toEqual([4, 5]);
    expect(news.items.find(([what]) => what === 1)?.[1]).toEqual(Buffer.from("binary"));
    const next = collect(client, "next");
    for (const sender of [far, outside, near]) await run(sender, io.to("s").emit("next"));
    await next.untilCount(3);
  });
});

test("on another host it is new in sharded mode, honestly (H16)", { timeout: 60_000 }, async () => {
  const redis = await startRedis();
  const [here, there] = await startHosts({ redis: redis.url, mode: "sharded", args: ["--recovery", "on"] });
  const client = await clientOn(here, 0);
  const session = sessionOf(client);
  const moved = open(there, { options: { auth: session } });
  await within(new Promise((resolve) => moved.once("connect", () => resolve(undefined))), 5_000, "a connection");
  expect(sessionOf(moved).pid).not.toBe(session.pid);
  expect((await there.status()).counters["recoveryRefused-unknown"]).toBe(1);
});
