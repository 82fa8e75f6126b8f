import { expect, test } from "vitest";
import { attempt } from "./support/attempt.js";
import { startCanary } from "./support/canary.js";
import { clientsOnEach, disconnected, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { head, openRaw } from "./support/raw.js";

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

test("the one that takes its place serves while it still has something to finish", async () => {
  const host = await startHoldfast({ app: "handler-app.mjs", workers: 1 });
  const { pid } = await host.worker(0);
  const connection = await openRaw(host);
  connection.write(head("POST /echo HTTP/1.1", { host: "raw", expect: "100-continue", "content-length": 5 }));
  expect((await connection.response()).status).toBe(100);
  connection.write("he");
  process.kill(pid, "SIGTERM");
  expect(await host.waitForLog("worker-draining")).toMatchObject({ slot: 0, workerPid: pid, reason: "replace" });
  const { workerPid } = await host.waitForLog("worker-ready");
  expect(workerPid).not.toBe(pid);
  expect((await attempt(host, "websocket")).outcome).toBe("ok");
  connection.write("llo");
  expect(String((await connection.response()).body)).toBe("hello");
  expect(await host.waitForLog("worker-exit")).toMatchObject({ slot: 0, workerPid: pid, code: 0 });
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
