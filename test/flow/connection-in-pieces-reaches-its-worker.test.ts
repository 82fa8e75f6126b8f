// B01, B02, B03, B24: however a request arrives, it reaches the worker of its session, and no byte is lost.
import { beforeAll, expect, test } from "vitest";
import { connect, slotOf, upgraded } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { openSession, pollHead, post, postHead, sessionTarget } from "./support/polling.js";
import { startProxy } from "./support/proxy.js";
import { head, openRaw } from "./support/raw.js";

let host: Holdfast;
beforeAll(async () => {
  // A busy machine takes its time over hundreds of pieces; how slow a head may be is another test's.
  host = await startHoldfast({ app: "echo.mjs", workers: 3, args: ["--header-timeout", "60s"] });
});

test("a head that comes byte by byte reaches its session's worker", async () => {
  const sid = await openSession(host);
  const connection = await openRaw(host);
  const request = `${postHead(sid, 2)}40`;
  await connection.writeSplit(request, allOffsets(request));
  expect(await connection.response()).toMatchObject({ status: 200, body: Buffer.from("ok") });
});

test("a request in two pieces reaches its session's worker, wherever it is cut", { timeout: 180_000 }, async () => {
  const request = (sid: string) => `${postHead(sid, 2)}40`;
  const answers = await tenAtOnce(allOffsets(request("a".repeat(20))), async (offset) => {
    const sid = await openSession(host);
    const connection = await openRaw(host);
    await connection.writeSplit(request(sid), [offset]);
    return `${offset} ${(await connection.response()).body}`;
  });
  expect(answers).toEqual(answers.map((_, i) => `${i + 1} ok`));
});

test("pipelined requests in two pieces are all answered, wherever they are cut", async () => {
  const pipelined = (sid: string) => `${postHead(sid, 2)}40${pollHead(sid)}${head("GET /none HTTP/1.1")}`;
  const offsets = allOffsets(pipelined("a".repeat(20))).filter((offset) => offset % 7 === 0);
  const answers = await tenAtOnce(offsets, async (offset) => {
    const sid = await openSession(host);
    const connection = await openRaw(host);
    await connection.writeSplit(pipelined(sid), [offset]);
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await connection.response()).status);
    return statuses.join();
  });
  expect(new Set(answers)).toEqual(new Set(["200,200,404"]));
});

test("a head of 8 kB in small segments on a slow line reaches its session's worker", async () => {
  const proxy = await startProxy(host);
  proxy.slice(1_460);
  proxy.delay(20);
  for (let round = 0; round < 5; round++) {
    const connection = await openRaw(proxy);
    const sid = await openSession(host);
    const headers = { host: "raw", cookie: `a=${"x".repeat(8_000)}`, "content-length": 2 };
    connection.write(`${head(`POST ${sessionTarget(sid)} HTTP/1.1`, headers)}40`);
    expect(String((await connection.response()).body)).toBe("ok");
  }
});

test("clients on a line that delivers a few bytes at a time connect, upgrade and are heard", async () => {
  const proxy = await startProxy(host);
  proxy.slice(60, { direction: "up", seed: 7 });
  for (const transport of ["polling", "websocket", "both"] as const) {
    const client = await connect(proxy, { transport });
    if (transport === "both") await upgraded(client);
    expect(await client.timeout(5_000).emitWithAck("echo", "hello")).toBe("hello");
    expect(slotOf(client)).toBeLessThan(3);
    client.disconnect();
  }
});

test("a session is known to every request that follows its handshake at once", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const bodies = await inTurn(Array.from({ length: 25 }), async () => {
        const sid = await openSession(host);
        const connection = await openRaw(host);
        const { body } = await post(connection, sid, "40");
        connection.halfClose();
        return String(body);
      });
      return new Set(bodies);
    }),
  );
  expect(answers).toEqual(answers.map(() => new Set(["ok"])));
});

function allOffsets(text: string): number[] {
  return Array.from({ length: text.length - 1 }, (_, i) => i + 1);
}

/** In order of the items. */
async function tenAtOnce<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const lanes = Array.from({ length: 10 }, (_, lane) => items.filter((_, i) => i % 10 === lane));
  const results = await Promise.all(lanes.map((lane) => inTurn(lane, each)));
  return items.map((_, i) => results[i % 10]?.[Math.floor(i / 10)] as R);
}

async function inTurn<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await each(item));
  return results;
}
