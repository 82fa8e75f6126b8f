// A02, A03, A04, D04, D05: a connection that no worker has read yet is not lost with the worker it was meant for.
import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { ownerOf } from "../../src/protocol/session-id.js";
import { attempt, tally } from "./support/attempt.js";
import { startCanary } from "./support/canary.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { handshake, UNKNOWN_SESSION } from "./support/polling.js";
import { fdCount, gone } from "./support/process.js";
import { head, openRaw } from "./support/raw.js";

test("workers killed one after another under a stream of connections cost no connection that they had not read", async () => {
  const host = await startHoldfast({ app: "handler-app.mjs", workers: 3 });
  const outcomes = new Outcomes();
  let running = true;
  const stream = Array.from({ length: 8 }, async () => {
    while (running) outcomes.add(await oneRequest(host));
  });
  for (let kills = 0; kills < 8; kills++) {
    const { pid } = await host.worker(kills % 3);
    await outcomes.untilMore("200", 25);
    process.kill(pid, "SIGKILL");
    await gone(pid);
  }
  await outcomes.untilMore("200", 25);
  running = false;
  await Promise.all(stream);
  // What a worker has read dies with it and is reset at once; nothing hangs, and nothing is refused.
  const { "200": _served, reset = 0, "503": told = 0, ...others } = outcomes.counts;
  expect(others).toEqual({});
  expect(reset + told).toBeLessThanOrEqual(8 * stream.length);
});

test("a stopped worker holds up only what was sent to it, which another worker serves when it is replaced", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2, args: ["--worker-timeout", "4s"] });
  const before = await footprint(host);
  const { pid } = await host.worker(0);
  process.kill(pid, "SIGSTOP");
  const attempts = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      await pause(i * 25);
      return attempt(host, "raw", 12_000);
    }),
  );
  expect(tally(attempts)).toEqual({ ok: 40 });
  const canary = await startCanary(host);
  await gone(pid, 10_000);
  await host.worker(0);
  expect((await canary.stop()).failures).toEqual([]);
  await expectSameFootprint(host, before);
});

test("a worker stopped for a moment loses nothing and is not replaced", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const { pid } = await host.worker(0);
  process.kill(pid, "SIGSTOP");
  const attempts = Promise.all(Array.from({ length: 30 }, () => attempt(host, "raw", 10_000)));
  await pause(3_500);
  process.kill(pid, "SIGCONT");
  expect(tally(await attempts)).toEqual({ ok: 30 });
  expect((await host.worker(0)).pid).toBe(pid);
});

test("a session of a stopped worker waits for it, and is unknown once it is replaced", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2, args: ["--worker-timeout", "3s"] });
  const connection = await openRaw(host);
  const sid = await handshake(connection);
  const { pid } = await host.worker(ownerOf(sid)?.slot as number);
  process.kill(pid, "SIGSTOP");
  const poll = await openRaw(host);
  poll.write(head(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1`));
  expect(String((await poll.response(10_000)).body)).toBe(UNKNOWN_SESSION);
});

test("a worker out of descriptors passes connections on to the others", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const { pid } = await host.worker(0);
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${fdCount(pid) + 5}:4096`]);
  const held = await Promise.all(Array.from({ length: 60 }, () => openWebSocket(host)));
  expect(held).toEqual(held.map(() => 101));
  // It goes on telling how it is, which takes a descriptor as well.
  await host.waitForStatus(({ workers }) => (workers[0]?.connections ?? 0) > 0);
  execFileSync("prlimit", ["--pid", String(pid), "--nofile=4096:4096"]);
  const { workers, counters } = await host.status();
  expect(workers.map(({ restarts }) => restarts)).toEqual([0, 0]);
  expect(counters.acceptorHandedOffAgain).toBeGreaterThan(0);
});

class Outcomes {
  readonly counts: Record<string, number> = {};

  add(outcome: string): void {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
  }

  async untilMore(outcome: string, more: number): Promise<void> {
    const wanted = (this.counts[outcome] ?? 0) + more;
    const look = () => this.counts[outcome] ?? 0;
    await eventually(look, (count) => count >= wanted, { withinMs: 20_000, what: `${wanted} times ${outcome}` });
  }
}

async function oneRequest(host: Holdfast): Promise<string> {
  const connection = await openRaw(host);
  connection.write(head("GET /slot HTTP/1.1"));
  const answer = await connection.response(8_000).catch((error: NodeJS.ErrnoException) => error.code ?? String(error));
  connection.socket.destroy();
  if (typeof answer === "string") return answer === "ECONNRESET" ? "reset" : answer;
  return String(answer.status);
}

async function openWebSocket(host: Holdfast): Promise<number> {
  const connection = await openRaw(host);
  connection.write(
    head("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", {
      host: "a",
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": 13,
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }),
  );
  return (await connection.response(15_000)).status;
}
