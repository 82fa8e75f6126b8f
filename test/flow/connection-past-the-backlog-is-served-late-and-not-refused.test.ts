// F08: while the primary stands still, more connect than the kernel lets wait. Those try again, as TCP does, and all are
// served once it goes on.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { startHoldfast } from "./support/holdfast.js";
import { head, openRaw } from "./support/raw.js";

const STANDS_STILL_MS = 1_000;

test("thousands of connections to a primary that stands still for a second are all served", async () => {
  const host = await startHoldfast({ app: "handler-app.mjs", workers: 2 });
  const before = listenOverflows();
  const room = Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
  const count = Math.min(room, 4_096) + 900;
  process.kill(host.pid, "SIGSTOP");
  const answers = Array.from({ length: count }, async () => {
    const connection = await openRaw(host, 40_000);
    connection.write(head("GET /slot HTTP/1.1", { host: "a", connection: "close" }));
    const { status } = await connection.response(40_000);
    connection.socket.destroy();
    return status;
  });
  await pause(STANDS_STILL_MS);
  process.kill(host.pid, "SIGCONT");
  const statuses = await Promise.all(answers);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  // Or nothing was shown.
  expect(listenOverflows()).toBeGreaterThan(before);
}, 120_000);

/** Of the whole machine: connections that found a full queue. */
function listenOverflows(): number {
  const lines = readFileSync("/proc/net/netstat", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"));
  const [names = [], values = []] = lines.map((line) => line.split(" "));
  return Number(values[names.indexOf("ListenOverflows")]);
}
