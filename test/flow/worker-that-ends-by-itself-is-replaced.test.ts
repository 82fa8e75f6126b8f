import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { onCleanup } from "./support/cleanup.js";
import { clientOn, clientsOnEach, disconnected, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { descriptorTargets, isAlive } from "./support/process.js";

test.each([
  ["an exception in a handler", "throws-in-handler.mjs", "throw", /thrown in a handler/],
  ["an unhandled rejection", "rejects.mjs", "reject", /rejected in a handler/],
])("%s ends its worker with code 1 and its stack in the log, and no other", async (_, app, event, message) => {
  const host = await startHoldfast({ app });
  const [victim, other] = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
  const ended = disconnected(victim);
  victim.emit(event);
  expect(await ended).toBe("transport close");
  const exit = await host.waitForLog("worker-exit");
  expect(exit).toMatchObject({ slot: 0, code: 1 });
  expect(host.stdout + host.stderr).toMatch(message);
  expect(await host.worker(0)).toMatchObject({ restarts: 1 });
  expect(other.connected).toBe(true);
});

test("an app that calls process.exit(0) is treated as a crash", async () => {
  const host = await startHoldfast({ app: "exits.mjs" });
  const client = await clientOn(host, 1);
  client.emit("exit", 0);
  expect(await host.waitForLog("worker-exit")).toMatchObject({ slot: 1, code: 0 });
  expect(await host.worker(1)).toMatchObject({ restarts: 1 });
});

test("a worker's death is noticed although a process it has started lives on, with none of its connections", async () => {
  const host = await startHoldfast({ app: "grandchild.mjs" });
  const client = await clientOn(host, 0);
  const grandchild: number = await client.emitWithAck("spawn");
  onCleanup(() => isAlive(grandchild) && process.kill(grandchild, "SIGKILL"));
  expect(readFileSync(`/proc/${grandchild}/comm`, "utf8")).toBe("sleep\n");
  expect(descriptorTargets(grandchild).filter((target) => target.startsWith("socket:"))).toEqual([]);
  const { pid } = await host.worker(0);
  process.kill(pid, "SIGKILL");
  await host.waitForLog("worker-exit", 1_000);
  await host.worker(0);
  expect(await host.stop(5_000)).toEqual({ code: 0, signal: null });
  expect(isAlive(grandchild)).toBe(true);
});
