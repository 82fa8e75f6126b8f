import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { attempt, type Outcome } from "./support/attempt.js";
import { temporaryDirectory } from "./support/cleanup.js";
import { clientsOnEach, connect, disconnected, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { childrenOf, gone } from "./support/process.js";
import { head, openRaw } from "./support/raw.js";

test("TERM closes every client, exits with 0, and leaves no process and no file", async () => {
  const directory = temporaryDirectory();
  const host = await startHoldfast({ app: "echo.mjs", env: { TMPDIR: directory } });
  const clients = await Promise.all([connect(host), connect(host, { transport: "polling" })]);
  const reasons = Promise.all(clients.map((client) => disconnected(client, 10_000)));
  const workers = childrenOf(host.pid);
  expect(await host.stop(10_000)).toEqual({ code: 0, signal: null });
  await reasons;
  await gone(workers);
  expect(readdirSync(directory)).toEqual([]);
});

test("TERM with a request that never ends stops within the drain time and two seconds", async () => {
  const drainMs = 2_000;
  const host = await startHoldfast({ app: "handler-app.mjs", args: ["--drain-timeout", `${drainMs}ms`] });
  const stuck = await openRaw(host);
  stuck.write(`${head("POST /echo HTTP/1.1", { host: "raw", "content-length": 1_000 })}and no more`);
  await host.waitForStatus(({ workers }) => workers.some(({ connections }) => connections > 0));
  const startedAt = performance.now();
  expect(await host.stop(drainMs + 2_000)).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeGreaterThan(drainMs - 500);
});

test("a request under way is answered before the stop ends", async () => {
  const host = await startHoldfast({ app: "handler-app.mjs" });
  const answer = fetch(`${host.url}/slow?ms=1000`).then((response) => response.text());
  await host.waitForStatus(({ workers }) => workers.some(({ connections }) => connections > 0));
  const ended = host.stop(10_000);
  expect(await answer).toBe("slow");
  expect((await ended).code).toBe(0);
});

test("new connections succeed until the stop, and are refused from then on, nothing else in between", async () => {
  const host = await startHoldfast({ app: "handler-app.mjs" });
  // Keeps the stop going for long enough to be looked at.
  const slow = fetch(`${host.url}/slow?ms=1500`).then((response) => response.text());
  await host.waitForStatus(({ workers }) => workers.some(({ connections }) => connections > 0));
  const before = await attempt(host);
  host.signal("SIGTERM");
  await host.waitForStatus(({ state }) => state === "stopping");
  const during: Outcome[] = [];
  for (let i = 0; i < 20; i++) during.push((await attempt(host)).outcome);
  expect(before.outcome).toBe("ok");
  expect(new Set(during)).toEqual(new Set(["refused"]));
  await slow;
  expect((await host.exited).code).toBe(0);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "a second signal after %s ends it at once, whatever is open",
  async (first) => {
    const host = await startHoldfast({ app: "handler-app.mjs" });
    const slow = fetch(`${host.url}/slow?ms=60000`).catch(() => "cut");
    await host.waitForStatus(({ workers }) => workers.some(({ connections }) => connections > 0));
    const workers = childrenOf(host.pid);
    host.signal(first);
    await host.waitForStatus(({ state }) => state === "stopping");
    host.signal("SIGTERM");
    expect(await host.exitedWithin(2_000)).toEqual({ code: 0, signal: null });
    expect(await slow).toBe("cut");
    await gone(workers);
  },
);

test("a worker that spins does not hold up a stop beyond its time", async () => {
  const host = await startHoldfast({ app: "spins.mjs", args: ["--drain-timeout", "1s", "--worker-timeout", "1m"] });
  const [client] = (await clientsOnEach(host, [0])) as [Socket];
  client.emit("spin");
  await host.waitForLog("worker-stuck");
  expect(await host.stop(3_000)).toEqual({ code: 0, signal: null });
});
