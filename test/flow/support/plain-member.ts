/**
 * A plain Socket.IO server with `@socket.io/redis-adapter`, in a process of its own: the company that Holdfast keeps in a
 * cluster, and, three of them, the oracle of what such a cluster can do.
 */
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { killChild, spawnTracked } from "./cleanup.js";
import { ROOT } from "./command.js";
import { within } from "./eventually.js";

const START_MS = 15_000;

export type RedisMode = "classic" | "sharded";

export interface PlainMember {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface PlainMemberOptions {
  /** A file of test/fixtures. */
  readonly app: string;
  readonly mode: RedisMode;
  readonly prefix?: string;
  /** Several are the nodes of a Cluster. */
  readonly redis: readonly string[];
  /** What the app is told of its worker. */
  readonly slot?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Resolves when it listens and has subscribed. */
export async function startPlainMember(options: PlainMemberOptions): Promise<PlainMember> {
  const { app, slot = 0, mode, prefix = "socket.io", redis, env } = options;
  const program = resolve(ROOT, "test/fixtures/plain-member.mjs");
  const args = [program, resolve(ROOT, "test/fixtures", app), String(slot), mode, prefix, ...redis];
  const child = spawnTracked(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const said = text(child.stderr as Readable);
  const line = firstLine(child.stdout as Readable).catch(async () => {
    throw new Error(`the plain server ended: ${await said}`);
  });
  const { url } = JSON.parse(await within(line, START_MS, "the plain server's start"));
  return { url, pid: child.pid as number, stop: () => killChild(child) };
}

async function firstLine(stream: Readable): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error("nothing was said");
}
