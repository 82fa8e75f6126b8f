// B17: a client may be gone at any moment of a connection's way; nothing of it stays.
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { type Holdfast, startHoldfast } from "../flow/support/holdfast.js";
import { expectSameFootprint, footprint } from "../flow/support/leak.js";
import { handshake, openSession, pollHead, post, postHead } from "../flow/support/polling.js";
import { head, openRaw, type RawConnection, websocketHead } from "../flow/support/raw.js";

const ROUNDS = 120;
const AT_ONCE = 40;

/** Workers keep their connections to each other for a while. */
const FORWARDING_IDLE_MS = 4_500;

let host: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "handler-app.mjs", workers: 2, inspect: true });
});

/** Returns the session that it has opened: one that never polled is kept until its ping times out. */
type Moment = (connection: RawConnection) => unknown;

test.each<[string, Moment]>([
  ["after it was accepted", () => {}],
  ["in the request line", (connection) => connection.write("GET /so")],
  ["in the head", (connection) => connection.write("GET /slot HTTP/1.1\r\nHo")],
  ["during its hand-off", (connection) => connection.write(head("GET /slot HTTP/1.1"))],
  ["in the middle of a body", (connection) => connection.write(`${postHead("a".repeat(20), 1_000)}x`)],
  [
    "while a response is made",
    async (connection) => {
      connection.write(head("GET /slow?ms=200 HTTP/1.1"));
      await pause(20);
    },
  ],
  [
    "after a response",
    async (connection) => {
      connection.write(head("GET /slot HTTP/1.1"));
      await connection.response();
    },
  ],
  [
    "while it polls",
    async (connection) => {
      const sid = await handshake(connection);
      connection.write(pollHead(sid));
      await pause(5);
      return sid;
    },
  ],
  [
    "in a poll that is forwarded",
    async (connection) => {
      connection.write(head("GET /slot HTTP/1.1"));
      await connection.response();
      const sid = await openSession(host);
      connection.write(pollHead(sid));
      await pause(5);
      return sid;
    },
  ],
  ["during its upgrade", (connection) => connection.write(websocketHead())],
  [
    "after its upgrade",
    async (connection) => {
      connection.write(websocketHead());
      await connection.response();
    },
  ],
])("a connection reset %s leaves nothing behind", async (name, moment) => {
  await resetMany(AT_ONCE, moment);
  await host.waitForStatus(({ workers }) => workers.every(({ sessions, connections }) => sessions + connections === 0));
  if (name.includes("forwarded")) await pause(FORWARDING_IDLE_MS);
  const before = await footprint(host);
  for (let done = 0; done < ROUNDS; done += AT_ONCE) await resetMany(AT_ONCE, moment);
  await expectSameFootprint(host, before, { withinMs: 30_000 });
  expect((await host.status()).workers.map(({ restarts }) => restarts)).toEqual([0, 0]);
});

async function resetMany(count: number, moment: Moment): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const connection = await openRaw(host);
      const sid = await moment(connection);
      connection.reset();
      if (typeof sid === "string") await close(sid);
    }),
  );
}

async function close(sid: string): Promise<void> {
  const connection = await openRaw(host);
  await post(connection, sid, "1");
  connection.halfClose();
}
