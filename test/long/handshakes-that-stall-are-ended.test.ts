// G14: 5,000 handshakes that stall at once, a third of them in the workers. `tls-bears-what-clients-send` is the short one.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { startCanary } from "../flow/support/canary.js";
import { clientHello } from "../flow/support/client-hello.js";
import { expectSameFootprint, footprint } from "../flow/support/leak.js";
import { openRaw, type RawConnection } from "../flow/support/raw.js";
import { startSecurely } from "../flow/support/tls.js";

const MANY = 5_000;
/** All are open at once before the first is ended. */
const HEADER_TIMEOUT_MS = 20_000;
/** So that what is measured is handshakes that stall, and not the CPU of the third that get an answer. */
const BATCH = 100;
const PAUSE_MS = 200;

test("5,000 stalled handshakes are ended in time, and others are served meanwhile", async () => {
  const { host, server } = await startSecurely({ app: "echo.mjs", args: [`--header-timeout=${HEADER_TIMEOUT_MS}`] });
  const before = await footprint(host);
  const canary = startCanary(server);
  const hello = await clientHello();
  const connections: RawConnection[] = [];
  const ends: Promise<unknown>[] = [];
  while (connections.length < MANY) {
    const batch = await Promise.all(Array.from({ length: BATCH }, () => openRaw(host, 20_000)));
    for (const [i, connection] of batch.entries()) {
      connection.write(hello.subarray(0, [3, 50, hello.length][i % 3]));
      const openedMs = performance.now();
      ends.push(connection.untilClosed(60_000).then(() => performance.now() - openedMs));
    }
    connections.push(...batch);
    await pause(PAUSE_MS);
  }
  const lastedMs = (await Promise.all(ends)) as number[];
  const { failures, ...latency } = await canary.stop();
  const { counters } = await host.status();
  console.log({
    alien: counters.acceptorClosedAlien,
    failed: counters.workerDroppedTlsHandshake,
    longestMs: Math.max(...lastedMs),
    ...latency,
  });
  expect(failures).toEqual([]);
  // A sweep and a busy machine come on top.
  expect(Math.max(...lastedMs)).toBeLessThan(HEADER_TIMEOUT_MS + 5_000);
  // Of a primary that had served nobody: its heap has grown to what so many at once need.
  await expectSameFootprint(host, before, { withinMs: 30_000, rssBytes: 60e6 });
}, 300_000);
