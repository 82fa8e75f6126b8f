// G08 at full size: 20 restarts of the whole service under load. See test/flow/systemd-restart-refuses-no-connection.test.ts.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Attempt, attempt, tally } from "../flow/support/attempt.js";
import { startHeldService } from "../flow/support/socket-holder.js";

const RESTARTS = 20;
const PERIOD_MS = 50;

test("20 restarts under load: every connection is served", async () => {
  const service = await startHeldService(1, { app: "echo.mjs", args: ["--drain-timeout", "10s"] });
  const server = { url: service.urls[0] as string };
  const attempts: Promise<Attempt>[] = [];
  let over = false;
  const load = (async () => {
    for (; !over; await pause(PERIOD_MS)) attempts.push(attempt(server, "websocket", 120_000));
  })();
  for (let i = 0; i < RESTARTS; i++) {
    await pause(2_000);
    await service.restart();
  }
  over = true;
  await load;
  const results = await Promise.all(attempts);
  console.log(`restarts: ${RESTARTS}, ${JSON.stringify(tally(results))}`);
  // One that was served in the last moment of a service is closed with all its sessions, and not refused.
  expect(results.filter(({ outcome, detail }) => outcome !== "ok" && detail !== "Error: closed with 1005")).toEqual([]);
});
