import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { startHoldfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { openRaw, type RawConnection } from "./support/raw.js";

test("noise, huge lines, half-open and a thousand silent clients leave the service and the primary as they were", async () => {
  const host = await startHoldfast({ app: "echo.mjs" });
  const { hostname, port } = new URL(host.manageUrl);
  const dial = () => openRaw({ host: hostname, port: Number(port) });
  await host.status();
  const before = await footprint(host);
  const canary = startCanary(host);

  for (const bytes of [randomBytes(100_000), Buffer.alloc(1_000_000, "a"), Buffer.from("GET /status")]) {
    const noisy = await dial();
    noisy.write(bytes);
    noisy.halfClose();
    expect((await noisy.untilClosed(10_000)).bytes.toString("latin1")).not.toContain("200 OK");
  }
  const silent: RawConnection[] = [];
  for (let i = 0; i < 1_000; i++) silent.push(await dial());
  // Those that are let in are closed when their request does not come.
  await Promise.all(silent.map((connection) => connection.untilClosed(15_000)));

  expect((await canary.stop()).failures).toEqual([]);
  for (const { socket } of silent) socket.destroy();
  expect((await host.status()).state).toBe("ready");
  await expectSameFootprint(host, before);
});
