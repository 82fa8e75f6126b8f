import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { attempt, type Probe, tally } from "./attempt.js";
import { startCanary } from "./canary.js";
import { onCleanup } from "./cleanup.js";
import { freePort } from "./free-port.js";
import { startPlain } from "./plain.js";

const probes: Probe[] = ["websocket", "polling", "raw"];

test.each(probes)("a %s attempt at a server that answers is ok", async (probe) => {
  const server = await startPlain("echo.mjs");
  const { outcome, sid } = await attempt(server, probe);
  expect(outcome).toBe("ok");
  expect(sid).toHaveLength(20);
});

test.each(probes)("a %s attempt tells refused, http_5xx, reset and timeout apart", async (probe) => {
  const refusing = { url: `http://127.0.0.1:${await freePort()}` };
  const busy = await answering("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
  const attempts = [
    await attempt(refusing, probe),
    await attempt(busy, probe),
    await attempt(await answering("reset"), probe),
    await attempt(await answering(""), probe, 200),
  ];
  expect(tally(attempts)).toEqual({ refused: 1, http_5xx: 1, reset: 1, timeout: 1 });
});

test("a canary sings while the server answers, and tells when it does not", async () => {
  const well = await startCanary(await startPlain("echo.mjs")).stop();
  expect(well).toMatchObject({ rounds: 1, failures: [] });
  const ill = await startCanary({ url: `http://127.0.0.1:${await freePort()}` }).stop();
  expect(ill.failures).toHaveLength(1);
});

async function answering(answer: string): Promise<{ url: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onCleanup(() => socket.destroy());
    socket.once("data", () => (answer === "reset" ? socket.resetAndDestroy() : socket.write(answer)));
  });
  onCleanup(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
