// G14: 5,000 handshakes that stall at once, a third of them in the workers. `tls-bears-what-clients-send` is the short one.
import { expect, test } from "vitest";
import { startCanary } from "../flow/support/canary.js";
import { clientHello } from "../flow/support/client-hello.js";
import { expectSameFootprint, footprint } from "../flow/support/leak.js";
import { openRaw, type RawConnection } from "../flow/support/raw.js";
import { startSecurely } from "../flow/support/tls.js";

const MANY = 5_000;
const HEADER_TIMEOUT_MS = 10_000;

test("5,000 stalled handshakes are ended in time, and others are served meanwhile", async () => {
  const { host, server } = await startSecurely({ app: "echo.mjs" });
  const canary = startCanary(server);
  const before = await footprint(host);
  const hello = await clientHello();
  const connections: RawConnection[] = [];
  const ends: Promise<unknown>[] = [];
  while (connections.length < MANY) {
    const batch = await Promise.all(Array.from({ length: 100 }, () => openRaw(host, 20_000)));
    for (const [i, connection] of batch.entries()) {
      connection.write(hello.subarray(0, [3, 50, hello.length][i % 3]));
      const openedMs = performance.now();
      ends.push(connection.untilClosed(60_000).then(() => performance.now() - openedMs));
    }
    connections.push(...batch);
  }
  const lastedMs = (await Promise.all(ends)) as number[];
  const { failures, ...latency } = await canary.stop();
  console.log({ longestMs: Math.max(...lastedMs), ...latency });
  expect(failures).toEqual([]);
  // A sweep and a busy machine come on top.
  expect(Math.max(...lastedMs)).toBeLessThan(HEADER_TIMEOUT_MS + 5_000);
  await expectSameFootprint(host, before, { withinMs: 30_000 });
}, 300_000);
