/** How many subscribers channels have on one Redis. */
import type { Redis } from "ioredis";

/** Rejects when there is no connection to it. */
export async function countOn(
  redis: Redis | undefined,
  channels: readonly string[],
  sharded: boolean,
): Promise<number[]> {
  if (channels.length === 0) return [];
  if (!redis) throw new Error("Redis is away");
  const reply = (await redis.call("PUBSUB", sharded ? "SHARDNUMSUB" : "NUMSUB", ...channels)) as unknown[];
  const counts = new Map<string, number>();
  for (let at = 0; at < reply.length; at += 2) counts.set(String(reply[at]), Number(reply[at + 1]));
  return channels.map((channel) => counts.get(channel) ?? 0);
}
