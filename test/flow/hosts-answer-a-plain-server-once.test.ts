// What a plain server with @socket.io/redis-adapter asks of a host of two workers is answered by it as by one server.
import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { clientsOnEach, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { startHosts } from "./support/hosts.js";
import { joinAsOutsider, type Outsider } from "./support/outsider.js";
import { startRedis } from "./support/redis.js";
import { run, socket } from "./support/remote.js";

const HOSTS = 2;
const WORKERS = 2;
const EVENT_PACKET = 2;
const opts = { rooms: [], except: [], flags: { timeout: 5_000 } };

describe("classic", () => {
  const TYPE = { sockets: 0, allRooms: 1, join: 2, fetch: 5, serverSideEmit: 6, broadcast: 7, count: 8, ack: 9 };
  const asked = onHosts("classic");

  test("sockets(): one response of each host, which together name every socket", async () => {
    const { responses, ids } = await asked({ type: TYPE.sockets, rooms: [] });
    expect(responses).toHaveLength(HOSTS);
    expect(responses.flatMap(({ sockets }) => sockets).sort()).toEqual(ids);
  });

  test("allRooms(): one response of each host, which together name every room", async () => {
    const { responses, ids } = await asked({ type: TYPE.allRooms });
    expect(responses).toHaveLength(HOSTS);
    expect([...new Set(responses.flatMap(({ rooms }) => rooms))].sort()).toEqual([...ids, "r"].sort());
  });

  test("fetchSockets(): one response of each host", async () => {
    const { responses, ids } = await asked({ type: TYPE.fetch, opts: { rooms: ["r"], except: [] } });
    expect(responses).toHaveLength(HOSTS);
    expect(idsIn(responses)).toEqual(ids);
    for (const found of responses[0].sockets) expect(found.handshake.address).toBe("127.0.0.1");
  });

  test("serverSideEmit() with an acknowledgement: one response of each host", async () => {
    const { responses } = await asked({ type: TYPE.serverSideEmit, data: ["server-slot"] });
    expect(responses).toHaveLength(HOSTS);
    for (const { data } of responses) expect([0, 1]).toContain(data);
  });

  test("a broadcast with acknowledgements: one client count of each host, one answer of each client", async () => {
    const packet = { type: EVENT_PACKET, data: ["q", "arg"], nsp: "/" };
    const { responses } = await asked({ type: TYPE.broadcast, packet, opts }, "msgpack", HOSTS + HOSTS * WORKERS);
    const counts = responses.filter(({ type }) => type === TYPE.count);
    expect(counts.map(({ clientCount }) => clientCount)).toEqual([WORKERS, WORKERS]);
    const answers = responses.filter(({ type }) => type === TYPE.ack).map(({ packet }) => packet);
    expect(answers).toEqual(Array(HOSTS * WORKERS).fill("arg"));
  });

  test("a room of nobody: a client count of 0 of each host, and no answer", async () => {
    const packet = { type: EVENT_PACKET, data: ["q", "arg"], nsp: "/" };
    const nobody = { ...opts, rooms: ["nobody"] };
    const { responses } = await asked({ type: TYPE.broadcast, packet, opts: nobody }, "msgpack");
    expect(responses.map(({ type, clientCount }) => [type, clientCount])).toEqual(Array(HOSTS).fill([TYPE.count, 0]));
  });
});

describe("sharded", () => {
  const TYPE = { broadcast: 3, fetch: 7, found: 8, serverSideEmit: 9, answer: 10, count: 11, ack: 12 };
  const asked = onHosts("sharded");

  test("fetchSockets(): one response of each host", async () => {
    const { responses, ids } = await asked({ type: TYPE.fetch, data: { opts: { rooms: ["r"], except: [] } } });
    expect(responses.map(({ type }) => type)).toEqual(Array(HOSTS).fill(TYPE.found));
    expect(idsIn(responses.map(({ data }) => data))).toEqual(ids);
  });

  test("serverSideEmit() with an acknowledgement: one response of each host", async () => {
    const { responses } = await asked({ type: TYPE.serverSideEmit, data: { packet: ["server-slot"] } });
    expect(responses.map(({ type }) => type)).toEqual(Array(HOSTS).fill(TYPE.answer));
  });

  test("a broadcast with acknowledgements: one client count of each host, one answer of each client", async () => {
    const packet = { type: EVENT_PACKET, data: ["q", "arg"], nsp: "/" };
    const { responses } = await asked(
      { type: TYPE.broadcast, data: { packet, opts } },
      "json",
      HOSTS + HOSTS * WORKERS,
    );
    const counts = responses.filter(({ type }) => type === TYPE.count);
    expect(counts.map(({ data }) => data.clientCount)).toEqual([WORKERS, WORKERS]);
    expect(responses.filter(({ type }) => type === TYPE.ack)).toHaveLength(HOSTS * WORKERS);
  });
});

type Asked = (
  request: Record<string, unknown>,
  format?: "json" | "msgpack",
  count?: number,
  // biome-ignore lint/suspicious/noExplicitAny: what a response holds depends on what was asked
) => Promise<{ responses: any[]; ids: string[] }>;

/** Two hosts with a client on each worker, all in room "r"; gives what a request to them is answered. */
function onHosts(mode: "classic" | "sharded"): Asked {
  let hosts: readonly Holdfast[];
  let outsider: Outsider;
  let clients: readonly Socket[];
  beforeAll(async () => {
    const redis = await startRedis();
    hosts = await startHosts({ hosts: HOSTS, workers: WORKERS, redis: redis.url, mode });
    clients = (await Promise.all(hosts.map((host) => clientsOnEach(host, [0, 1])))).flat();
    for (const client of clients) {
      await run(client, socket.join("r"));
      client.on("q", (arg, ack) => ack(arg));
    }
    outsider = await joinAsOutsider(redis, { mode });
  });
  return async (request, format = "json", count = HOSTS) => {
    const requestId = randomUUID();
    await outsider.say(outsider.requestChannel(), asRequest(request, outsider.uid, requestId), format);
    const responses = () => outsider.responsesTo(requestId);
    await eventually(responses, ({ length }) => length >= count);
    // Whatever a worker may have answered beside the others has been heard then.
    await outsider.settle(clients);
    return { responses: responses(), ids: clients.map(({ id }) => id as string).sort() };
  };
}

function asRequest(request: Record<string, unknown>, uid: string, requestId: string): Record<string, unknown> {
  const { data } = request;
  const isSharded = typeof data === "object" && !Array.isArray(data);
  return isSharded ? { uid, nsp: "/", ...request, data: { ...data, requestId } } : { uid, requestId, ...request };
}

function idsIn(responses: readonly { readonly sockets: readonly { readonly id: string }[] }[]): string[] {
  return responses.flatMap(({ sockets }) => sockets.map(({ id }) => id)).sort();
}
