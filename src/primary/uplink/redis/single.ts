/** The layout of one Redis, which may be the master that Sentinels name. */
import type { Redis } from "ioredis";
import type { Layout, LayoutEvents } from "./layout.js";
import { type NodeOptions, RedisNode } from "./node.js";
import { countOn } from "./subscriber-count.js";

export class SingleLayout implements Layout {
  readonly #node: RedisNode;
  readonly #sharded: boolean;

  constructor(options: NodeOptions, events: LayoutEvents) {
    this.#sharded = options.sharded;
    this.#node = new RedisNode(options, { ...events, onFree: () => events.onFree(this.#node) });
  }

  get isReady(): boolean {
    return this.#node.isReady;
  }

  get nodes(): Iterable<RedisNode> {
    return [this.#node];
  }

  start(): void {
    this.#node.start();
  }

  close(): void {
    this.#node.close();
  }

  nodeFor(): RedisNode {
    return this.#node;
  }

  subscribe(channels: readonly string[]): Promise<void> {
    return this.#node.subscriber.subscribe(channels);
  }

  subscribePattern(pattern: string): Promise<void> {
    return this.#node.subscriber.subscribePattern(pattern);
  }

  unsubscribe(channels: readonly string[]): void {
    this.#node.subscriber.unsubscribe(channels);
  }

  count(channels: readonly string[]): Promise<number[]> {
    return countOn(this.#node.publisher.redis, channels, this.#sharded);
  }

  redisWith(): Redis | undefined {
    return this.#node.publisher.redis;
  }
}
