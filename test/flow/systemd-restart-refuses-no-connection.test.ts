// G08: systemd holds the port, so a restart of the whole service is a wait for those who connect, not an error.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Attempt, attempt } from "./support/attempt.js";
import { connect } from "./support/client.js";
import { startHeldService } from "./support/socket-holder.js";

const RESTARTS = 3;
const PERIOD_MS = 25;

test("every connection that comes while the service restarts is served, by the old one or by the new", async () => {
  const service = await startHeldService(1, { app: "echo.mjs", args: ["--drain-timeout", "3s"] });
  const server = { url: service.urls[0] as string };
  const attempts: Promise<Attempt>[] = [];
  const pids = new Set([service.ready.pid]);
  let over = false;
  const load = (async () => {
    for (; !over; await pause(PERIOD_MS)) attempts.push(attempt(server, "websocket", 60_000));
  })();
  for (let i = 0; i < RESTARTS; i++) {
    await pause(500);
    await service.restart();
    pids.add(service.ready.pid);
  }
  await pause(500);
  over = true;
  await load;
  expect(pids.size).toBe(RESTARTS + 1);
  const results = await Promise.all(attempts);
  // One that was served in the last moment of a service is closed with all its sessions, and not refused.
  expect(results.filter(({ outcome, detail }) => outcome !== "ok" && detail !== "Error: closed with 1005")).toEqual([]);
}, 180_000);

test("all sockets that systemd passes are listened on, and the first is the one of the ready line", async () => {
  const { urls, ready } = await startHeldService(2, { app: "echo.mjs" });
  expect(ready).toMatchObject({ url: urls[0], urls });
  for (const url of urls) expect(await (await connect({ url })).emitWithAck("echo", url)).toBe(url);
});
