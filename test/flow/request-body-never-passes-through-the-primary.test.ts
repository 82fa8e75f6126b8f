// B12, B13, B19: bodies of any size go between the client and a worker; what nobody wants is hardly read at all.
import { createHash } from "node:crypto";
import { request } from "node:http";
import { beforeAll, expect, test } from "vitest";
import { onCleanup } from "./support/cleanup.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { openSession, sessionTarget } from "./support/polling.js";
import { cpuMs, rssBytes } from "./support/process.js";
import { handshakeTarget, head, openRaw, type RawConnection } from "./support/raw.js";

const MEGABYTES_100 = 100e6;
const RSS_GROWTH_BYTES = 16e6;

let host: Holdfast;
let files: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "upload.mjs", workers: 2 });
  files = await startHoldfast({ app: "download.mjs", workers: 2 });
});

test.each([
  ["to a session in the same worker, by Engine.IO's limit", "own", 413],
  ["to a session in another worker, by Engine.IO's limit", "other", 413],
  ["to an unknown session", "unknown", 400],
  ["without a session", "none", 400],
])("100 MB posted %s are refused, and hardly read", async (_, whose, status) => {
  const { connection, target } = await connectionFor(whose);
  const before = await memory();
  connection.write(head(`POST ${target} HTTP/1.1`, { host: "a", "content-length": MEGABYTES_100 }));
  const written = flood(connection);
  expect((await connection.response()).status).toBe(status);
  await connection.untilClosed(2_000);
  // What the kernel's buffers hold on both sides is written, but not read.
  expect(written()).toBeLessThan(20e6);
  expect(Math.max(...growth(before, await memory()))).toBeLessThan(RSS_GROWTH_BYTES);
});

test("an upload of 100 MB arrives whole in a worker, and the primary does nothing for it", async () => {
  const before = { cpu: cpuMs(host.pid), rss: rssBytes(host.pid) };
  const chunk = Buffer.alloc(1e6, "holdfast");
  const hash = createHash("sha256");
  const answer = new Promise<string>((resolve, reject) => {
    const outgoing = request(`${host.url}/upload`, { method: "POST" }, (response) => {
      response.setEncoding("utf8");
      response.toArray().then((chunks) => resolve(chunks.join("")), reject);
    });
    outgoing.on("error", reject);
    const send = (left: number): void => {
      if (left === 0) return void outgoing.end();
      hash.update(chunk);
      outgoing.write(chunk, () => send(left - 1));
    };
    send(100);
  });
  expect(JSON.parse(await answer)).toMatchObject({ bytes: MEGABYTES_100, sha256: hash.digest("hex") });
  expect(cpuMs(host.pid) - before.cpu).toBeLessThan(100);
  expect(rssBytes(host.pid) - before.rss).toBeLessThan(RSS_GROWTH_BYTES);
});

test("a download of 300 MB costs the primary nothing", async () => {
  const before = cpuMs(files.pid);
  const response = await fetch(`${files.url}/file?bytes=300000000`);
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += chunk.length;
  expect(bytes).toBe(300e6);
  expect(cpuMs(files.pid) - before).toBeLessThan(100);
});

test("a client that stops reading a download stops its making, and others are served", async () => {
  const slow = await openRaw(files);
  slow.write(head("GET /file HTTP/1.1"));
  await slow.bytesUntil("\r\n\r\n");
  slow.socket.pause();
  const before = await rssOfWorkers(files);
  const response = await fetch(`${files.url}/file?bytes=50000000`);
  expect((await response.arrayBuffer()).byteLength).toBe(50e6);
  const after = await rssOfWorkers(files);
  expect(Math.max(...growth(before, after))).toBeLessThan(60e6);
  slow.reset();
});

/** A connection that is already with a worker, and a target of a session there or elsewhere. */
async function connectionFor(whose: string): Promise<{ connection: RawConnection; target: string }> {
  const connection = await openRaw(host);
  connection.write(head(`GET ${handshakeTarget} HTTP/1.1`));
  const { sid } = JSON.parse(String((await connection.response()).body).slice(1));
  const targets: Record<string, () => string | Promise<string>> = {
    own: () => sessionTarget(sid),
    other: async () => sessionTarget(await sessionBeside(sid)),
    unknown: () => sessionTarget(`${sid.slice(0, 8)}${"a".repeat(12)}`),
    none: () => handshakeTarget,
  };
  return { connection, target: (await targets[whose]?.()) as string };
}

/** Host, slot and incarnation are the first eight characters. */
async function sessionBeside(sid: string): Promise<string> {
  for (;;) {
    const other = await openSession(host);
    if (other.slice(0, 8) !== sid.slice(0, 8)) return other;
  }
}

function flood(connection: RawConnection): () => number {
  const chunk = Buffer.alloc(64 * 1024, "x");
  const { socket } = connection;
  const timer = setInterval(() => {
    while (socket.writable && socket.writableLength < 256 * 1024) socket.write(chunk);
  }, 1);
  onCleanup(() => clearInterval(timer));
  return () => socket.bytesWritten - socket.writableLength;
}

function growth(before: readonly number[], after: readonly number[]): number[] {
  return after.map((bytes, i) => bytes - (before[i] as number));
}

async function memory(): Promise<number[]> {
  return [rssBytes(host.pid), ...(await rssOfWorkers(host))];
}

async function rssOfWorkers(of: Holdfast): Promise<number[]> {
  return (await of.workers()).map(({ pid }) => rssBytes(pid));
}
