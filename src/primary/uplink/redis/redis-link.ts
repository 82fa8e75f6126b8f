/**
 * The primary's pair of connections to Redis: one publishes, the other hears. It keeps the wanted subscriptions and a
 * bounded backlog while Redis is away, and comes back by itself. Knows nothing of Socket.IO; at most once: what may have
 * been delivered is not sent again.
 */
import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import type { RedisMode, RedisTarget } from "../../../config/settings.js";
import type { Logger } from "../../../log/logger.js";
import { limiter } from "../../../log/rate.js";
import { Backlog } from "./backlog.js";
import { ClusterLayout } from "./cluster.js";
import { type RedisCommand, type RunCommands, runOn } from "./command.js";
import { type ConnectOptions, openClient, shownTarget } from "./connect.js";
import { failureOf } from "./failure.js";
import type { Layout, LayoutEvents } from "./layout.js";
import type { RedisNode } from "./node.js";
import { RedisAwayError, RedisRefusedError } from "./redis-error.js";
import { SingleLayout } from "./single.js";

export interface RedisOptions {
  readonly target: RedisTarget;
  readonly mode: RedisMode;
  /** What our own channel begins with, as all channels do, so that one ACL rule covers them. */
  readonly prefix: string;
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
  /** Larger messages are dropped. */
  readonly messageBytes?: number;
  readonly log: Logger;
}

export interface RedisLinkEvents {
  /** Of exact subscriptions and of the pattern alike; each message once for each subscription that it matches. */
  onMessage(channel: string, message: Buffer): void;
  /**
   * Every wanted subscription is in place and publishing works. `missed`: the subscriber had been up before and away
   * since, so that something may have been lost.
   */
  onUp(missed: boolean): void;
  /** A connection that will publish has been made, to one Redis; nothing is published there before this is done. */
  onConnect?(run: RunCommands): Promise<void>;
  /** In Redis' or the system's words. */
  onDown(reason: string): void;
}

export type RedisLinkState = "connecting" | "ready" | "down";

const BACKLOG_BYTES = 8 * 1_024 ** 2;
const BACKLOG_MS = 10_000;
/** Redis cuts off subscribers for which 32 MB wait, by default: a message beyond this could cost all hosts their link. */
const MESSAGE_BYTES = 16 * 1_024 ** 2;
const TICK_MS = 1_000;
/** How long a start waits for a Redis that is required: it may be starting, too. */
const REQUIRED_MS = 5_000;
const ANSWER_MS = 2_000;
const FLUSH_MS = 1_000;
const LOG_EVERY_MS = 10_000;

export class RedisLink {
  readonly #options: RedisOptions;
  readonly #events: RedisLinkEvents;
  readonly #layout: Layout;
  readonly #backlog: Backlog;
  readonly #published = { published: 0, unsure: 0, refused: 0 };
  readonly #counters = { droppedLarge: 0, received: 0, failures: 0, failedHandlers: 0 };
  readonly #sayDown = limiter(LOG_EVERY_MS);
  readonly #sayHandlerFailed = limiter(LOG_EVERY_MS);
  #state: RedisLinkState = "connecting";
  #isClosed = false;
  #wasUp = false;
  #missed = false;
  #lastWords = "";
  #saidDown = false;
  #tick: NodeJS.Timeout | undefined;
  /** Of the start, until it is settled. */
  #started: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(options: RedisOptions, events: RedisLinkEvents) {
    const { backlogBytes = BACKLOG_BYTES, backlogMs = BACKLOG_MS } = options;
    this.#options = options;
    this.#events = events;
    this.#backlog = new Backlog({ maxBytes: backlogBytes, maxAgeMs: backlogMs });
    this.#layout = this.#createLayout();
  }

  get state(): RedisLinkState {
    return this.#state;
  }

  /** Those that only grow, beside `redisBacklogBytes`, what waits now. */
  get counters(): Readonly<Record<string, number>> {
    return {
      redisPublished: this.#published.published,
      redisPublishedUnsure: this.#published.unsure,
      redisRefusedPublishes: this.#published.refused,
      redisReceived: this.#counters.received,
      redisDroppedLarge: this.#counters.droppedLarge,
      redisDroppedFull: this.#backlog.droppedFull,
      redisDroppedOld: this.#backlog.droppedOld,
      redisConnectionFailures: this.#counters.failures,
      redisFailedHandlers: this.#counters.failedHandlers,
      redisBacklogBytes: this.#backlog.bytes,
    };
  }

  /**
   * Resolves when it is up, or, unless Redis is required, at the first failure that may heal. Rejects RedisRefusedError,
   * and RedisAwayError when Redis is required and away for five seconds.
   */
  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#started = { resolve, reject };
    });
    this.#tick = setInterval(() => this.#onTick(), TICK_MS);
    this.#layout.start();
    const patience = this.#options.required ? setTimeout(() => this.#giveUp(), REQUIRED_MS) : undefined;
    try {
      await started;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearTimeout(patience);
    }
  }

  /** Resolves when Redis has confirmed all. They stay wanted until they are unsubscribed; while away, it waits. */
  subscribe(channels: readonly string[]): Promise<void> {
    return this.#isClosed ? Promise.resolve() : this.#layout.subscribe(channels);
  }

  unsubscribe(channels: readonly string[]): void {
    this.#layout.unsubscribe(channels);
  }

  /** Rejects in sharded mode. */
  async subscribePattern(pattern: string): Promise<void> {
    if (this.#options.mode === "sharded") throw new Error("Redis has no patterns for sharded channels");
    if (!this.#isClosed) await this.#layout.subscribePattern(pattern);
  }

  /**
   * In order, all of a tick in one write. While Redis is away it waits in the backlog. False: it was dropped, and counted.
   */
  publish(channel: string, message: Buffer | string): boolean {
    if (this.#isClosed || this.#isTooLarge(message)) return false;
    const publisher = this.#layout.nodeFor(channel)?.publisher;
    if (!publisher?.isFree) return this.#backlog.add({ channel, message, sinceMs: performance.now() });
    publisher.publish(channel, message);
    return true;
  }

  /** Whether what is published now leaves now, and nothing waits before it. */
  get isFree(): boolean {
    if (this.#backlog.length > 0) return false;
    for (const { publisher } of this.#layout.nodes) if (!publisher.isFree) return false;
    return true;
  }

  /** How many subscribers each channel has, over all masters of a Cluster. Rejects when Redis is away or late. */
  countSubscribers(channels: readonly string[]): Promise<number[]> {
    return answered(this.#layout.count(channels), "count subscribers");
  }

  /**
   * Keeps `value` under `key` unless something is there already, and gives what is there. Rejects when Redis is away,
   * late, or does not allow it.
   */
  async share(key: string, value: string): Promise<string> {
    const redis = this.#layout.redisWith(key);
    if (!redis) throw new Error("Redis is away");
    const both = Promise.all([redis.set(key, value, "NX"), redis.get(key)]);
    const [, found] = await answered(both, `keep ${key}`);
    if (found === null) throw new Error(`Redis did not keep ${key}`);
    return found;
  }

  /** Whether commands may be given, to the one Redis that there is. */
  get isOpen(): boolean {
    return this.#onlyNode?.publisher.isOpen ?? false;
  }

  /** In order with what is published; texts come as Buffers. Rejects when Redis is away, late, or answers with an error. */
  run(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    const publisher = this.#onlyNode?.publisher;
    if (!publisher) return Promise.reject(new Error("Redis is away"));
    return answered(publisher.run(commands), "carry out commands");
  }

  /** What was published so far leaves now, and not at the end of the tick. */
  push(): void {
    for (const { publisher } of this.#layout.nodes) publisher.push();
  }

  /** Ends all connections; what was published before leaves first, for as long as that takes at most a second. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#tick);
    const untilMs = performance.now() + FLUSH_MS;
    while (this.#isSending() && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#layout.close();
    this.#state = "down";
    this.#started?.resolve();
  }

  get #onlyNode(): RedisNode | undefined {
    if (this.#options.target.kind === "cluster") return undefined;
    const [node] = this.#layout.nodes;
    return node;
  }

  get #connectOptions(): ConnectOptions {
    const { target, caFile, certFile, keyFile, clientName = "holdfast" } = this.#options;
    return {
      target,
      clientName,
      ...(caFile !== undefined && { caFile }),
      ...(certFile !== undefined && { certFile }),
      ...(keyFile !== undefined && { keyFile }),
    };
  }

  #createLayout(): Layout {
    const { target, mode, prefix } = this.#options;
    const options = this.#connectOptions;
    const shared = { sharded: mode === "sharded", mustBeMaster: target.kind === "sentinel", counters: this.#published };
    const probeStem = `${prefix}-holdfast-probe#${randomUUID()}#`;
    if (target.kind === "cluster") {
      const open = (address: { host: string; port: number }) => openClient(options, address);
      return new ClusterLayout({ ...shared, seeds: target.nodes, open, probeStem }, this.#layoutEvents);
    }
    const node = {
      name: shownTarget(target),
      isCluster: false,
      probeChannel: probeStem,
      open: () => openClient(options),
      prepare: async (redis: Redis) => {
        await this.#events.onConnect?.((commands) => answered(runOn(redis, commands), "carry out commands"));
      },
    };
    return new SingleLayout({ ...shared, ...node }, this.#layoutEvents);
  }

  get #layoutEvents(): LayoutEvents {
    return {
      onMessage: (channel, message) => this.#hear(channel, message),
      onReady: () => this.#becomeReady(),
      onFree: (node) => this.#flush(node),
      onUnpublished: (channel, message) => void this.#backlog.add({ channel, message, sinceMs: performance.now() }),
      onLost: (error, wasDeaf) => this.#lost(error, wasDeaf),
    };
  }

  /** What a handler throws would end the primary. */
  #hear(channel: string, message: Buffer): void {
    if (this.#isClosed) return;
    this.#counters.received++;
    try {
      this.#events.onMessage(channel, message);
    } catch (err) {
      this.#counters.failedHandlers++;
      this.#sayHandlerFailed((suppressed) =>
        this.#options.log.error({ event: "redis-handler-failed", err, suppressed }, "a message from Redis was dropped"),
      );
    }
  }

  #becomeReady(): void {
    if (this.#state === "ready" || this.#isClosed || !this.#layout.isReady) return;
    const missed = this.#missed;
    this.#sayUp(missed);
    this.#state = "ready";
    this.#wasUp = true;
    this.#missed = false;
    this.#settle((started) => started.resolve());
    this.#events.onUp(missed);
  }

  /** Unless what it takes back was held back, too. */
  #sayUp(missed: boolean): void {
    if (this.#wasUp && !this.#saidDown) return;
    this.#saidDown = false;
    this.#options.log.info(
      { event: "redis-up", ...(missed && { missed }) },
      `connected to Redis, ${shownTarget(this.#options.target)}`,
    );
  }

  #lost(error: Error, wasDeaf: boolean): void {
    if (this.#isClosed) return;
    const { words, refused } = failureOf(error);
    this.#counters.failures++;
    this.#lastWords = words;
    this.#missed ||= this.#wasUp && wasDeaf;
    if (refused && this.#started) return this.#settle((started) => started.reject(this.#refusal(words, error)));
    this.#sayDown((suppressed) => {
      this.#saidDown = true;
      this.#options.log.warn({ event: "redis-down", reason: words, suppressed }, `Redis is away: ${words}`);
    });
    if (this.#state !== "down") {
      this.#state = "down";
      this.#events.onDown(words);
    }
    if (!this.#options.required) this.#settle((started) => started.resolve());
  }

  #refusal(words: string, cause: Error): RedisRefusedError {
    return cause instanceof RedisRefusedError
      ? cause
      : new RedisRefusedError(`redis: ${shownTarget(this.#options.target)} refuses this host: ${words}`, { cause });
  }

  #giveUp(): void {
    const { target } = this.#options;
    const words = this.#lastWords || "no answer";
    const text = `redis: ${shownTarget(target)} cannot be reached (${words}), and --redis-required forbids to start without it`;
    this.#settle((started) => started.reject(new RedisAwayError(text)));
  }

  #settle(how: (started: { resolve(): void; reject(error: Error): void }) => void): void {
    const started = this.#started;
    this.#started = undefined;
    if (started) how(started);
  }

  #onTick(): void {
    this.#backlog.expire(performance.now());
    for (const node of this.#layout.nodes) {
      node.tick();
      if (this.#backlog.length > 0 && node.publisher.isFree) this.#flush(node);
    }
  }

  #flush(node: RedisNode): void {
    if (this.#backlog.length === 0) return;
    this.#backlog.offer(performance.now(), ({ channel, message }) => {
      if (!node.publisher.isFree || this.#layout.nodeFor(channel) !== node) return false;
      node.publisher.publish(channel, message);
      return true;
    });
  }

  #isTooLarge({ length }: Buffer | string): boolean {
    const isTooLarge = length > (this.#options.messageBytes ?? MESSAGE_BYTES);
    if (isTooLarge) this.#counters.droppedLarge++;
    return isTooLarge;
  }

  #isSending(): boolean {
    return [...this.#layout.nodes].some(({ publisher }) => publisher.isOpen && publisher.onTheWay > 0);
  }
}

async function answered<T>(answer: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not ${what} within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
