// A connection that comes while no worker is ready waits for one, and is told when to come back if none comes in time.
import { expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { freePort } from "./support/free-port.js";
import { spawnHoldfast } from "./support/holdfast.js";
import { head, openRaw, type RawConnection } from "./support/raw.js";

test("a connection that comes early is served when a worker is ready", async () => {
  const { connection } = await startAndConnect(1_500);
  connection.write(head("GET / HTTP/1.1"));
  expect((await connection.response(10_000)).status).toBe(404);
});

test("a connection that waits for five seconds is told 503, and when to come back", async () => {
  const { connection } = await startAndConnect(30_000);
  connection.write(head("GET / HTTP/1.1"));
  const { status, headers } = await connection.response(10_000);
  expect([status, headers["retry-after"], headers.connection]).toEqual([503, "1", "close"]);
  await connection.untilClosed();
});

/** The port is open before the workers are ready. */
async function startAndConnect(bootMs: number): Promise<{ connection: RawConnection }> {
  const port = await freePort();
  const env = { SLOW_BOOT_MS: String(bootMs) };
  await spawnHoldfast({ app: "slow-boot.mjs", workers: 1, args: ["--port", String(port)], env });
  const connection = await eventually(
    () => openRaw({ port, host: "127.0.0.1" }),
    () => true,
  );
  return { connection };
}
