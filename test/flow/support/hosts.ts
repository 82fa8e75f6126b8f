/** Several Holdfast hosts that a Redis joins, started together and known to each other. */
import { type Holdfast, type StartOptions, startHoldfast } from "./holdfast.js";
import type { RedisMode } from "./plain-member.js";

const JOINED_MS = 30_000;
/** Twelve workers boot at a time, in some tests. */
const READY_MS = 50_000;

export interface HostsOptions extends StartOptions {
  readonly hosts?: number;
  /** Several URLs are the nodes of a Cluster. */
  readonly redis: string | readonly string[];
  readonly mode?: RedisMode;
}

/** Resolves when every host knows of all. */
export async function startHosts<Count extends number = 2>(
  options: HostsOptions & { readonly hosts?: Count },
): Promise<Hosts<Count>> {
  const { hosts: count = 2 } = options;
  const hosts = await Promise.all(Array.from({ length: count }, () => startHost(options)));
  await joined(hosts);
  return hosts as Hosts<Count>;
}

type Hosts<Count extends number> = Count extends 3
  ? [Holdfast, Holdfast, Holdfast]
  : Count extends 1
    ? [Holdfast]
    : [Holdfast, Holdfast];

/** By itself: it may not have reached Redis yet. */
export function startHost({ redis, mode = "classic", args = [], ...options }: HostsOptions): Promise<Holdfast> {
  const urls = [redis].flat().flatMap((url) => ["--redis", url]);
  return startHoldfast({
    app: "remote.mjs",
    workers: 2,
    readyWithinMs: READY_MS,
    ...options,
    args: [...urls, "--redis-mode", mode, ...args],
  });
}

/** Every host is up and counts as many hosts as there are. */
export async function joined(hosts: readonly Holdfast[], withinMs = JOINED_MS): Promise<void> {
  for (const host of hosts) {
    await host.waitForStatus(({ redis }) => redis.state === "ready" && redis.hosts === hosts.length, withinMs);
  }
}
