// Issue 4, 2: a body of 100 MB that comes to another worker, or to another host, than its session's flows through: whoever
// forwards it keeps none of it.
import { expect, test } from "vitest";
import { ownerOf } from "../../src/protocol/session-id.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { startHosts } from "./support/hosts.js";
import { handshake, openSession, poll, post, postHead } from "./support/polling.js";
import { forgetPeakRss, peakRssBytes, rssBytes } from "./support/process.js";
import { openRaw, type RawConnection } from "./support/raw.js";
import { startRedis } from "./support/redis.js";
import { dialSecurely, startSecurely } from "./support/tls.js";

const BYTES = 100_000_000;
const CHUNK = Buffer.alloc(1_000_000, "x");
const GROWTH_BYTES = 40e6;
const ANSWER_MS = 60_000;
const app = "large-message.mjs";

test("to another worker", async () => {
  const host = await startHoldfast({ app, workers: 2 });
  const dial = () => openRaw(host);
  await flowsThrough([host], await onTwoWorkers(dial, dial));
});

test("to another worker, by TLS", async () => {
  const { host, server } = await startSecurely({ app, workers: 2 });
  // From another address, or the primary would expect it where the first is.
  const dial = (localAddress: string) => () => dialSecurely(server, { localAddress } as object);
  await flowsThrough([host], await onTwoWorkers(dial("127.0.0.1"), dial("127.0.0.2")));
});

test("to another host", async () => {
  const redis = await startRedis();
  const [here, there] = await startHosts({ redis: redis.url, app, workers: 1 });
  const sid = await openSession(there);
  const connection = await openRaw(here);
  await eventually(
    async () => (await post(connection, sid, "40")).status,
    (status) => status === 200,
    { what: "the other host to be known" },
  );
  await flowsThrough([here, there], { sid, connection });
});

interface Stranger {
  readonly sid: string;
  /** With another worker than the session. */
  readonly connection: RawConnection;
}

async function onTwoWorkers(
  dial: () => Promise<RawConnection>,
  dialElsewhere: () => Promise<RawConnection>,
): Promise<Stranger> {
  const first = await dial();
  const sid = await handshake(first);
  for (;;) {
    const connection = await dialElsewhere();
    if (ownerOf(await handshake(connection))?.slot === ownerOf(sid)?.slot) continue;
    await post(connection, sid, "40");
    return { sid, connection };
  }
}

async function flowsThrough(hosts: readonly Holdfast[], { sid, connection }: Stranger): Promise<void> {
  await poll(connection, sid);
  // What a first forward compiles and opens is not counted.
  expect(await lengthSent(connection, sid, 5)).toBe(5e6);
  const owner = ownerOf(sid);
  const pids = [];
  for (const host of hosts) {
    pids.push(host.pid);
    for (const { slot, pid } of await host.workers()) {
      if (slot !== owner?.slot || (hosts.length > 1 && host === hosts[0])) pids.push(pid);
    }
  }
  expect(pids.length).toBe(hosts.length > 1 ? 3 : 2);
  for (const pid of pids) forgetPeakRss(pid);
  const before = pids.map(rssBytes);
  expect(await lengthSent(connection, sid, BYTES / CHUNK.length)).toBe(BYTES);
  const growth = pids.map((pid, i) => peakRssBytes(pid) - (before[i] as number));
  expect(Math.max(...growth)).toBeLessThan(GROWTH_BYTES);
}

/** As the owner's app saw it. */
async function lengthSent(connection: RawConnection, sid: string, chunks: number): Promise<number> {
  const [start, end] = ['421["length","', '"]'];
  connection.write(postHead(sid, start.length + chunks * CHUNK.length + end.length) + start);
  for (let i = 0; i < chunks; i++) await written(connection, CHUNK);
  connection.write(end);
  expect((await connection.response(ANSWER_MS)).status).toBe(200);
  for (;;) {
    const answer = /431\[(\d+)\]/.exec(String((await poll(connection, sid)).body));
    if (answer) return Number(answer[1]);
    await post(connection, sid, "3");
  }
}

function written({ socket }: RawConnection, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
