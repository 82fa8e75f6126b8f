/**
 * How the Redis servers that a target names are laid out: one (single.ts), or the masters of a Cluster (cluster.ts). The
 * link asks it which node a channel belongs to, and hears from its nodes.
 */
import type { Redis } from "ioredis";
import type { RedisNode } from "./node.js";

export interface Layout {
  /** Every node that is needed is known and ready. */
  readonly isReady: boolean;
  readonly nodes: Iterable<RedisNode>;
  start(): void;
  close(): void;
  nodeFor(channel: string): RedisNode | undefined;
  /** These resolve when Redis has confirmed all. */
  subscribe(channels: readonly string[]): Promise<void>;
  subscribePattern(pattern: string): Promise<void>;
  unsubscribe(channels: readonly string[]): void;
  /** Subscribers of each channel. */
  count(channels: readonly string[]): Promise<number[]>;
  /** An open connection to who has that key. */
  redisWith(key: string): Redis | undefined;
}

export interface LayoutEvents {
  onMessage(channel: string, message: Buffer): void;
  /** Perhaps `isReady` has changed. */
  onReady(): void;
  onFree(node: RedisNode): void;
  onUnpublished(channel: string, message: Buffer | string): void;
  onLost(error: Error, wasDeaf: boolean): void;
}
