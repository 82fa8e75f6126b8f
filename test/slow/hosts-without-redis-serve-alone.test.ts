// F09, and a start without Redis: the host serves its own clients, says that it is degraded, and joins when Redis comes.
import { expect, test } from "vitest";
import { startCanary } from "../flow/support/canary.js";
import { clientOn, clientsOnEach, received } from "../flow/support/client.js";
import { freePort } from "../flow/support/free-port.js";
import { startExpectingExit } from "../flow/support/holdfast.js";
import { joined, startHost, startHosts } from "../flow/support/hosts.js";
import { RedisServer, startRedis } from "../flow/support/redis.js";
import { fence, io, run } from "../flow/support/remote.js";
import { startTalk, upTo } from "../flow/support/talk.js";

const NOBODY_LISTENS = 1;
/** As many attempts as fit in a while, said once or twice. */
const FEW_LINES = 4;
/** Below what a client may send. */
const LARGE_BYTES = 900_000;
const BACKLOG_BYTES = 8 * 1024 * 1024;

test("at start it serves its own clients, is degraded, and joins when Redis comes", async () => {
  const port = await freePort();
  const hosts = await Promise.all([1, 2].map(() => startHost({ redis: `redis://127.0.0.1:${port}` })));
  const [first, second] = hosts as [(typeof hosts)[0], (typeof hosts)[0]];
  const [a, b] = await clientsOnEach(first, [0, 1]);
  const event = received(b as never, "news");
  await run(a as never, io.emit("news", 1));
  expect(await event).toEqual([1]);
  const ready = await fetch(`${first.manageUrl}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([expect.any(Number), expect.stringContaining("degraded")]);
  const redis = new RedisServer({}, port);
  await redis.start();
  await joined(hosts);
  const far = await clientOn(second, 0);
  await fence(a as never, [far]);
});

test("--redis-required refuses to start", async () => {
  const args = ["--redis", `redis://127.0.0.1:${NOBODY_LISTENS}`, "--redis-required"];
  const { code, stdout, stderr } = await startExpectingExit({ args });
  expect(code).toBe(78);
  expect(stdout + stderr).toContain("ECONNREFUSED");
});

test("a name that nobody knows costs no more than a line now and then", async () => {
  const host = await startHost({ redis: "redis://holdfast.invalid:6379" });
  const canary = startCanary(host);
  await host.waitForStatus(({ uptimeMs }) => uptimeMs > 8_000, 15_000);
  expect((await canary.stop()).failures).toEqual([]);
  const about = host.lines.filter((line) => JSON.stringify(line).includes("holdfast.invalid"));
  expect(about.length).toBeGreaterThan(0);
  expect(about.length).toBeLessThan(FEW_LINES);
});

test("what should have crossed waits for Redis, in order, and is dropped and counted past a bound", async () => {
  const redis = await startRedis();
  const [first, second] = await startHosts({ redis: redis.url });
  const [speaker, far] = [await clientOn(first, 0), await clientOn(second, 0)];
  await redis.stop();
  await first.waitForStatus((status) => status.redis.state === "down");
  const talk = startTalk(speaker, [far]);
  await talk.reaches(far, 500).catch(() => {});
  const sent = await talk.stop();
  await redis.start();
  await joined([first, second]);
  await fence(speaker, [far]);
  expect(talk.heard(far)).toEqual(upTo(sent).slice(sent - talk.heard(far).length));
  await redis.stop();
  await first.waitForStatus((status) => status.redis.state === "down");
  for (let i = 0; i < 40; i++) await run(speaker, io.emit("large", Buffer.alloc(LARGE_BYTES)));
  const { counters } = await first.waitForStatus(({ counters: { redisDroppedFull = 0 } }) => redisDroppedFull > 0);
  expect(counters.redisBacklogBytes).toBeLessThanOrEqual(BACKLOG_BYTES);
  await redis.start();
  await joined([first, second]);
  await fence(speaker, [far]);
  await first.waitForStatus((status) => status.counters.redisBacklogBytes === 0);
});
