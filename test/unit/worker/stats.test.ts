import { setTimeout as pause } from "node:timers/promises";
import { Server } from "socket.io";
import { expect, test, vi } from "vitest";
import { parseWorkerMessage } from "../../../src/protocol/control.js";
import { Stats } from "../../../src/worker/stats.js";

test("a sample is what the primary accepts as a beat, from the first on", () => {
  const sample = setUp().sample();
  expect(parseWorkerMessage(JSON.stringify({ type: "beat", ...sample }))).toBeDefined();
  expect(sample).toMatchObject({ connections: 3, sessions: 2, sockets: 1, dropped: { x: 4 }, done: { y: 5 } });
});

test("a worker out of descriptors tells what its memory was", () => {
  const stats = setUp();
  const { rssBytes } = stats.sample();
  expect(rssBytes).toBeGreaterThan(0);
  const rss = vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => {
    throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
  });
  expect(stats.sample().rssBytes).toBe(rssBytes);
  rss.mockRestore();
});

test("a blocked event loop shows as lag and utilization of its time, and not of the time after", async () => {
  const stats = setUp();
  stats.sample();
  const until = performance.now() + 300;
  while (performance.now() < until);
  await pause(60);
  const blocked = stats.sample();
  expect(blocked.lagMs).toBeGreaterThan(150);
  expect(blocked.elu).toBeGreaterThan(0.5);
  await pause(300);
  const idle = stats.sample();
  expect(idle.lagMs).toBeLessThan(blocked.lagMs);
  expect(idle.elu).toBeLessThan(blocked.elu);
});

function setUp(): Stats {
  const io = new Server();
  io.of("/a").sockets.set("id", {} as never);
  io.engine = { clientsCount: 2 } as never;
  return new Stats({ io, connections: () => 3, dropped: () => ({ x: 4 }), done: () => ({ y: 5 }) });
}
