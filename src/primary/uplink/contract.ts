/**
 * What the uplink asks of the parts around it: a link that carries bytes (redis/redis-link.ts fits), and the switch, which
 * takes its frames. What the switch asks of the uplink is in switch/router.ts.
 */
import type { RedisCommand, RunCommands } from "./redis/command.js";
import type { RedisLinkEvents, RedisLinkState } from "./redis/redis-link.js";

export interface UplinkLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** At most once, in order for each sender; see redis/redis-link.ts. */
export interface ByteLink {
  readonly state: RedisLinkState;
  readonly counters: Readonly<Record<string, number>>;
  start(): Promise<void>;
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): void;
  subscribePattern(pattern: string): Promise<void>;
  publish(channel: string, message: Buffer): boolean;
  /** Whether what is published now leaves now, and nothing waits before it. */
  readonly isFree: boolean;
  countSubscribers(channels: readonly string[]): Promise<number[]>;
  /** Keeps `value` under `key` unless something is there already; gives what is there. */
  share(key: string, value: string): Promise<string>;
  /** In order with what is published; texts come as Buffers. Rejects when Redis is away, late, or answers with an error. */
  run(commands: readonly RedisCommand[]): Promise<readonly unknown[]>;
  /** Whether commands may be given. */
  readonly isOpen: boolean;
  /** What was published so far leaves now, and not at the end of the tick. */
  push(): void;
  close(): Promise<void>;
}

/** Who keeps things in Redis beside what hosts say to each other; see the recovery's store.ts, where the words are its. */
export interface StoreListener {
  onConnect(run: RunCommands): Promise<void>;
  onUp(missed: boolean): void;
  onDown(): void;
  onMessage(message: Buffer): void;
  onFlush(): void;
  /** All of it is in the kernel, or waits for a connection. */
  onFlushed(): void;
}

export type OpenLink = (events: RedisLinkEvents) => ByteLink;

/** Gives a frame to the switch, as a worker's link would. */
export type Deliver = (frame: Buffer) => void;
