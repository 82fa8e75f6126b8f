import { expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { clientsOnEach, disconnected, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";

test("a TERM for one worker closes its clients gently, another takes its place, and nobody fails meanwhile", async () => {
  const host = await startHoldfast({ app: "echo.mjs" });
  const [own, other] = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
  const canary = startCanary(host);
  const { pid } = await host.worker(0);
  const ended = disconnected(own);
  process.kill(pid, "SIGTERM");
  expect(await ended).toBe("transport close");
  expect(await host.waitForLog("worker-exit")).toMatchObject({ slot: 0, workerPid: pid, code: 0 });
  expect((await host.worker(0)).pid).not.toBe(pid);
  expect((await canary.stop()).failures).toEqual([]);
  expect(other.connected).toBe(true);
});

test("a worker takes no notice of the signals that a terminal sends to all", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 1 });
  const [client] = (await clientsOnEach(host, [0])) as [Socket];
  const { pid } = await host.worker(0);
  for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGTTIN", "SIGTTOU"] as const) {
    process.kill(pid, signal);
    await client.emitWithAck("echo", signal);
  }
  expect((await host.worker(0)).pid).toBe(pid);
});
