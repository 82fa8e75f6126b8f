// C02: whoever knows a session's id has the session, from whatever address, as with Socket.IO alone. So no log tells it.
import { expect, test } from "vitest";
import { connect, sessionIdOfClient, upgraded } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { openSession, poll, post, postHead, sessionTarget, UNKNOWN_SESSION } from "./support/polling.js";
import { handshakeTarget, head, openRaw, websocketHead } from "./support/raw.js";

/** What is random in it stands behind host, slot and incarnation. */
const NAMES_OWNER = 8;

test("a session is served from any address, and its id stands in no line of the log, whatever happens to it", async () => {
  const host = await startHoldfast({
    app: "echo.mjs",
    workers: 2,
    args: ["--log-level", "trace", "--max-body", "1kb"],
  });
  const sid = await openSession(host);
  const { hostname, port } = new URL(host.url);
  const elsewhere = await openRaw({ host: hostname, port: Number(port), localAddress: "127.0.0.9" } as never);
  expect((await post(elsewhere, sid, "40")).status).toBe(200);
  expect(String((await poll(elsewhere, sid)).body)).toMatch(/^40\{/);

  const clients = [];
  for (const transport of ["polling", "websocket", "both"] as const) {
    const client = await connect(host, { transport });
    if (transport === "both") await upgraded(client);
    clients.push(client);
  }
  const sids = [sid, ...clients.map(sessionIdOfClient)];
  await misuse(host, sid);
  for (const { pid } of await host.workers()) process.kill(pid, "SIGKILL");
  await host.waitForLog("worker-ready");
  expect(String((await poll(await openRaw(host), sid)).body)).toBe(UNKNOWN_SESSION);
  await host.stop();
  const told = host.stdout + host.stderr;
  expect(told).toContain("worker-exit");
  for (const each of sids) expect(told).not.toContain(each.slice(NAMES_OWNER));
});

/** All that is logged of requests. */
async function misuse(host: { readonly url: string }, sid: string): Promise<void> {
  const requests = [
    head(`GET ${sessionTarget(sid)} HTTP/1.1`, { host: "a", origin: "https://evil.example" }),
    websocketHead(`${handshakeTarget.replace("polling", "websocket")}&sid=${sid}`),
    `${postHead(sid, 5)}99abc`,
    head(`GET /?sid=${sid} HTTP/1.1`, { host: "a", "x-holdfast-forwarded": "x y z" }),
    head(`GET /?sid=${sid}\x01 HTTP/1.1`),
    head(`POST /?sid=${sid} HTTP/1.1`, { host: "a", "content-length": 100_000 }),
  ];
  for (const request of requests) {
    const connection = await openRaw(host);
    connection.write(request);
    connection.halfClose();
    await connection.untilClosed(20_000);
  }
}
