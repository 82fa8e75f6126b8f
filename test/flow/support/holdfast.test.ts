import { expect, test } from "vitest";
import { attempt, type Probe } from "./attempt.js";
import { startCanary } from "./canary.js";
import { clientOn, clientsOnEach, connect, slotOf, type Transport, upgraded } from "./client.js";
import { startFleet } from "./fleet.js";
import { type Holdfast, startExpectingExit, startHoldfast } from "./holdfast.js";
import { expectSameFootprint, footprint } from "./leak.js";
import { childrenOf, commandOf, gone } from "./process.js";

test("a host is started, watched and stopped", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  expect(commandOf(host.pid)).toContain("primary.js");
  expect((await host.workers()).map(({ pid }) => pid).sort()).toEqual(childrenOf(host.pid).sort());
  const workers = childrenOf(host.pid);
  expect(await host.stop()).toEqual({ code: 0, signal: null });
  await gone([host.pid, ...workers]);
});

test("a start that fails tells its code and what it said", async () => {
  const exit = await startExpectingExit({ app: "echo.mjs", args: ["--no-such-flag"] });
  expect(exit).toMatchObject({ code: 2, signal: null });
  expect(exit.stderr).toContain("--no-such-flag");
});

test.each<Transport>(["websocket", "polling", "both"])(
  "clients by %s land on the worker asked for",
  async (transport) => {
    const host = await startHoldfast({ app: "echo.mjs", workers: 3 });
    const clients = await clientsOnEach(host, [2, 0, 1], { transport });
    expect(await Promise.all(clients.map((client) => client.emitWithAck("who")))).toMatchObject([
      { slot: 2 },
      { slot: 0 },
      { slot: 1 },
    ]);
    expect(clients.map(slotOf)).toEqual([2, 0, 1]);
    if (transport === "both") await Promise.all(clients.map((client) => upgraded(client)));
  },
);

test.each<Probe>(["websocket", "polling", "raw"])("a %s attempt is ok", async (probe) => {
  const host = await startHoldfast({ app: "echo.mjs" });
  expect(await attempt(host, probe)).toMatchObject({ outcome: "ok" });
});

test("a fleet comes back when its worker is killed, and the canary does not stop", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const fleet = await startFleet(host, { websocket: 10, polling: 4, both: 4 });
  const [victims, others] = [fleet.on(0), fleet.on(1)];
  const canary = startCanary(host);
  process.kill((await host.worker(0)).pid, "SIGKILL");
  await Promise.all(victims.map(({ socket }) => new Promise((resolve) => socket.once("disconnect", resolve))));
  await fleet.allConnected();
  await host.worker(0);
  expect(others.map(({ disconnects }) => disconnects)).toEqual(others.map(() => 0));
  expect((await canary.stop()).rounds).toBeGreaterThan(0);
});

test("a footprint that was left by clients which are gone is found clean, one with a client is not", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2, inspect: true });
  await comeAndGo(host);
  const before = await footprint(host);
  await comeAndGo(host);
  await expectSameFootprint(host, before);
  await clientOn(host, 0);
  await expect(expectSameFootprint(host, before, { withinMs: 500 })).rejects.toThrow("the footprint");
});

async function comeAndGo(host: Holdfast): Promise<void> {
  const clients = await clientsOnEach(host, [0, 1], { transport: "both" });
  clients.push(await connect(host, { transport: "polling" }));
  for (const client of clients) client.disconnect();
  await host.waitForStatus(({ workers }) => workers.every(({ connections }) => connections === 0));
}
