import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCanary } from "../flow/support/canary.js";
import { temporaryDirectory } from "../flow/support/cleanup.js";
import { clientsOnEach, connect, disconnected, type Socket } from "../flow/support/client.js";
import { type Holdfast, type StartOptions, startHoldfast } from "../flow/support/holdfast.js";
import { gone } from "../flow/support/process.js";

/** Answers `version`, and `echo` for the canary. */
const appOf = (version: number) => `export default (io) => io.on("connection", (socket) => {
  socket.on("echo", (...args) => args.pop()(...args));
  socket.on("version", (ack) => ack(${version}));
});`;

async function startVersion(version: number, options: StartOptions = {}) {
  const app = join(temporaryDirectory(), "app.mjs");
  writeFileSync(app, appOf(version));
  const host = await startHoldfast({ ...options, app });
  return { host, deploy: (source: string) => writeFileSync(app, source) };
}

async function pidsOf(host: Holdfast): Promise<number[]> {
  return (await host.workers()).map(({ pid }) => pid);
}

test("a reload runs the new app in new workers, and nobody fails meanwhile", async () => {
  const { host, deploy } = await startVersion(1);
  const clients = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
  const old = await pidsOf(host);
  const canary = startCanary(host);
  const reasons = Promise.all(clients.map((client) => disconnected(client, 20_000)));
  deploy(appOf(2));
  host.signal("SIGHUP");
  await host.waitForLog("reloaded", 20_000);
  expect(await reasons).toEqual(["transport close", "transport close"]);
  expect(await (await connect(host)).emitWithAck("version")).toBe(2);
  await gone(old, 10_000);
  const after = await host.waitForStatus(({ state, workers }) => state === "ready" && workers.length === 2);
  expect(after).toMatchObject({
    generation: 2,
    workers: [
      { generation: 2, restarts: 0 },
      { generation: 2, restarts: 0 },
    ],
  });
  expect((await canary.stop()).failures).toEqual([]);
});

test.each([
  ["does not parse", "export default (io) => {", /reload-failed.*App failed to load: .*app\.mjs: /],
  ["throws", 'throw new Error("broken deploy");', /reload-failed.*App failed to load: .*app\.mjs: broken deploy/],
  ["ends its process", "process.exit(3);", /reload-failed.*exited with code 3/],
  [
    "is never ready",
    "await new Promise(() => {});\nsetInterval(() => {}, 1_000);",
    /reload-failed.*failed to boot within 8 s/,
  ],
])("a new app that %s changes nothing, costs one fork, and says why", async (_, source, reason) => {
  const { host, deploy } = await startVersion(1, { args: ["--boot-timeout", "8s", "--log-level", "debug"] });
  const clients = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
  const before = await pidsOf(host);
  deploy(source);
  host.signal("SIGHUP");
  expect(JSON.stringify(await host.waitForLog("reload-failed"))).toMatch(reason);
  const status = await host.waitForStatus(({ state }) => state === "ready");
  expect(status.generation).toBe(1);
  expect(await Promise.all(clients.map((client) => client.emitWithAck("version")))).toEqual([1, 1]);
  const settled = await host.waitForStatus(({ workers }) => workers.length === 2);
  expect(settled.workers.map(({ pid }) => pid)).toEqual(before);
  expect(host.lines.filter(({ event }) => event === "worker-forked")).toHaveLength(3);

  deploy(appOf(2));
  host.signal("SIGHUP");
  await host.waitForStatus(({ state, generation }) => state === "ready" && generation > 1);
  expect(await (await connect(host)).emitWithAck("version")).toBe(2);
});

test("a reload takes over what the config file says now, and refuses a wrong one", async () => {
  const directory = temporaryDirectory();
  const config = join(directory, "holdfast.json");
  const write = (settings: object) => writeFileSync(config, JSON.stringify(settings));
  for (const version of [1, 2]) writeFileSync(join(directory, `v${version}.mjs`), appOf(version));
  write({ app: "v1.mjs" });
  const args = [
    "--config",
    config,
    "--port",
    "0",
    "--host",
    "127.0.0.1",
    "--manage",
    "127.0.0.1:0",
    "--log-format",
    "json",
  ];
  const host = await startHoldfast({ args });
  expect(await (await connect(host)).emitWithAck("version")).toBe(1);

  write({ app: "v3.mjs" });
  host.signal("SIGHUP");
  expect((await host.waitForLog("reload-failed")).reason).toMatch(/app is "v3\.mjs"/);
  expect(await host.status()).toMatchObject({ state: "ready", generation: 1 });

  write({ app: "v2.mjs", balance: "random" });
  host.signal("SIGHUP");
  expect(await host.waitForLog("restart-needed")).toMatchObject({ settings: ["balance"] });
  await host.waitForLog("reloaded");
  expect(await (await connect(host)).emitWithAck("version")).toBe(2);
});

test("a stop during a reload wins", async () => {
  const { host, deploy } = await startVersion(1);
  deploy("await new Promise(() => {});\nsetInterval(() => {}, 1_000);");
  host.signal("SIGHUP");
  await host.waitForStatus(({ state, workers }) => state === "reloading" && workers.length === 3);
  expect(await host.stop(5_000)).toEqual({ code: 0, signal: null });
});

test("reloads that are asked for during one come as one more", async () => {
  const { host } = await startVersion(1);
  for (let i = 0; i < 20; i++) {
    host.signal("SIGHUP");
    await host.status();
  }
  await host.waitForStatus(({ state, workers }) => state === "ready" && workers.length === 2, 20_000);
  const reloads = host.lines.filter(({ event }) => event === "reload").length;
  expect(reloads).toBeGreaterThan(0);
  expect(reloads).toBeLessThan(20);
  expect((await host.status()).generation).toBe(1 + reloads);
});
