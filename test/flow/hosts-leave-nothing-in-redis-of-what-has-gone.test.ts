// C16, D08 over Redis: what a host has subscribed to does not grow with the number of past namespaces and rooms.
import { expect, test } from "vitest";
import { clientsOnEach, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { startHosts } from "./support/hosts.js";
import { visitNamespaces } from "./support/namespace.js";
import { type RedisServer, startRedis } from "./support/redis.js";
import { runAll, socket } from "./support/remote.js";

const NAMESPACES = 3_000;
const AT_ONCE = 300;
const GONE_MS = 30_000;

type Mode = "classic" | "sharded";

test.each<Mode>(["classic", "sharded"])(
  "thousands of namespaces and rooms, created and gone again, leave no subscription behind, %s",
  async (mode) => {
    const redis = await startRedis();
    const [one, other] = await startHosts({ redis: redis.url, mode, app: "conformance.mjs" });
    const clients = (await clientsOnEach(one, [0, 1])) as [Socket, Socket];
    const before = (await channels(redis, mode)).sort();
    for (let from = 0; from < NAMESPACES; from += AT_ONCE) {
      const client = clients[(from / AT_ONCE) % 2] as Socket;
      await Promise.all([visitNamespaces(client, names("/child-", from)), visitRooms(client, names("room ", from))]);
    }
    const isAsBefore = (now: string[]) => now.length <= before.length;
    const after = await eventually(() => channels(redis, mode), isAsBefore, { withinMs: GONE_MS });
    expect(after.sort()).toEqual(before);
    expect((await one.status()).counters).toMatchObject({ uplinkRooms: 0, uplinkRequestsAsked: 0 });
    expect((await other.status()).counters).toMatchObject({ uplinkGaps: 0, uplinkFailures: 0 });
  },
);

async function visitRooms(client: Socket, rooms: readonly string[]): Promise<void> {
  await runAll(client, ...rooms.flatMap((room) => [socket.join(room), socket.leave(room)]));
}

function names(stem: string, from: number): string[] {
  return Array.from({ length: AT_ONCE }, (_, i) => `${stem}${from + i}`);
}

/** All that somebody is subscribed to. */
async function channels(redis: RedisServer, mode: Mode): Promise<string[]> {
  const listed = await redis.cli("pubsub", mode === "classic" ? "channels" : "shardchannels");
  return listed.split("\n").filter(Boolean);
}
