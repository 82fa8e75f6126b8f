/** Commands to Redis beside publishing and subscribing, on the connection that publishes. */
import type { Redis } from "ioredis";

/** A command's name and its arguments. */
export type RedisCommand = readonly [string, ...(string | Buffer | number)[]];

/** Texts come as Buffers. */
export type RunCommands = (commands: readonly RedisCommand[]) => Promise<readonly unknown[]>;

/** Their replies; rejects with the first error among them. */
export function runOn(redis: Redis, commands: readonly RedisCommand[]): Promise<unknown[]> {
  return Promise.all(commands.map(([name, ...rest]) => redis.callBuffer(name, ...rest)));
}
