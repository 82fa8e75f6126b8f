import { expect, test } from "vitest";
import { connect } from "./support/client.js";
import { freePort } from "./support/free-port.js";
import { startHoldfast } from "./support/holdfast.js";
import { childrenOf, isAlive, stateOf } from "./support/process.js";

test("TTIN adds a worker, TTOU drains the last one, and never the only one", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 1 });
  const [first] = await host.workers();
  host.signal("SIGTTIN");
  await host.waitForStatus(({ state, workers }) => state === "ready" && workers.length === 2);
  for (let i = 0; i < 3; i++) {
    host.signal("SIGTTOU");
    await host.status();
  }
  const { workers } = await host.waitForStatus(({ state, workers }) => state === "ready" && workers.length === 1);
  expect(workers[0]?.pid).toBe(first?.pid);
});

test("USR2 logs the status", async () => {
  const host = await startHoldfast({ app: "echo.mjs" });
  host.signal("SIGUSR2");
  expect(await host.waitForLog("status")).toMatchObject({
    status: { state: "ready", workers: [{ slot: 0 }, { slot: 1 }] },
  });
});

const HARMLESS = ["SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGWINCH", "SIGCHLD", "SIGPIPE", "SIGURG", "SIGCONT"] as const;

test("a thousand signals at random end nothing and leave no zombie", async () => {
  // USR1 makes Node open its inspector, and says so on stderr.
  const host = await startHoldfast({
    app: "echo.mjs",
    workers: 2,
    nodeArgs: [`--inspect-port=127.0.0.1:${await freePort()}`],
  });
  const client = await connect(host);
  const signals = [...HARMLESS, "SIGUSR1", "SIGHUP"] as const;
  for (let sent = 0; sent < 1_000; sent++) {
    host.signal(signals[Math.floor(Math.random() * signals.length)] as NodeJS.Signals);
    if (sent % 20 === 0) await host.status();
  }
  const { workers } = await host.waitForStatus(
    ({ state, workers }) => state === "ready" && workers.every((worker) => worker.state === "ready"),
    40_000,
  );
  expect(isAlive(host.pid)).toBe(true);
  expect(childrenOf(host.pid).filter((pid) => stateOf(pid) === "Z")).toEqual([]);
  expect(childrenOf(host.pid).toSorted()).toEqual(workers.map(({ pid }) => pid).toSorted());
  expect(client.connected || client.disconnected).toBe(true);
  await connect(host);
});

test("reloads and a stop at random moments always end in a clean exit", async () => {
  for (let round = 0; round < 12; round++) {
    const host = await startHoldfast({ app: "echo.mjs", workers: 1 });
    const signals = ["SIGHUP", "SIGTTIN", "SIGHUP", "SIGTTOU"] as const;
    for (const signal of signals.slice(0, round % 5)) {
      host.signal(signal);
      for (let looks = Math.floor(Math.random() * 20); looks > 0; looks--) await host.status();
    }
    expect(await host.stop(10_000)).toEqual({ code: 0, signal: null });
  }
});
