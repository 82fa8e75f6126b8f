// C01, C03–C06: what Engine.IO refuses, it refuses in every worker as alone, and nothing of it stays.
import { beforeAll, expect, test } from "vitest";
import { createSessionId, type HostTag, ownerOf } from "../../src/protocol/session-id.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { openSession, poll, pollHead, post, sessionTarget, UNKNOWN_SESSION } from "./support/polling.js";
import { head, openRaw } from "./support/raw.js";

const UNKNOWN = 3_000;
const LANES = 10;

let host: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "echo.mjs", workers: 2, inspect: true });
});

test("thousands of unknown sessions are refused, whoever they name, and nothing grows", async () => {
  const sid = await openSession(host);
  await end(sid);
  // Taken before workers have asked each other: they keep such connections for a few seconds.
  const before = await footprint(host);
  await askForUnknown(ownerOf(sid)?.host as HostTag, UNKNOWN);
  await expectSameFootprint(host, before);
});

test.each([
  ["another version of Engine.IO", "EIO=3&transport=polling", 5],
  ["no version", "transport=polling", 5],
  ["a version that is none", "EIO=abc&transport=polling", 5],
  ["no transport", "EIO=4", 0],
  ["a transport named constructor", "EIO=4&transport=constructor", 0],
  ["a transport named __proto__", "EIO=4&transport=__proto__", 0],
  ["webtransport", "EIO=4&transport=webtransport", 0],
])("%s is refused with Engine.IO's code", async (_, query, code) => {
  const connection = await openRaw(host);
  connection.write(head(`GET /socket.io/?${query} HTTP/1.1`));
  const { status, body } = await connection.response();
  expect([status, JSON.parse(String(body)).code]).toEqual([400, code]);
});

test("two polls of one session at once: the second is refused and the session closed", async () => {
  const sid = await openSession(host);
  const [first, second] = [await openRaw(host), await openRaw(host)];
  expect((await post(first, sid, "40")).status).toBe(200);
  await poll(first, sid);
  first.write(pollHead(sid));
  // Until its first poll waits there, a second one is the first.
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect((await poll(second, sid)).status).toBe(400);
  expect(String((await poll(await openRaw(host), sid)).body)).toBe(UNKNOWN_SESSION);
  expect((await host.workers()).map(({ restarts }) => restarts)).toEqual([0, 0]);
});

/** Nothing of it is left: neither the session nor the connection that ended it. */
async function end(sid: string): Promise<void> {
  const connection = await openRaw(host);
  await post(connection, sid, "1");
  connection.halfClose();
  await connection.untilClosed();
}

async function askForUnknown(tag: HostTag, count: number): Promise<void> {
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const connection = await openRaw(host);
    for (let i = lane; i < count; i += LANES) {
      const sid = createSessionId({ host: tag, slot: i % 5, incarnation: i % 7 });
      connection.write(head(`GET ${sessionTarget(sid)} HTTP/1.1`));
      const { status, body } = await connection.response();
      if (status !== 400 || String(body) !== UNKNOWN_SESSION) throw new Error(`${sid}: ${status} ${body}`);
    }
    connection.halfClose();
  });
  await Promise.all(lanes);
}
