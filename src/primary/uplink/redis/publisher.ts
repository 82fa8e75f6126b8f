/**
 * The connection that publishes. What is on its way, written and not confirmed, is bounded; what was on its way when the
 * connection was lost may or may not have been delivered, and is not sent again.
 */
import type { Redis } from "ioredis";
import { bytesOf } from "./backlog.js";
import { longestBackoffMs } from "./backoff.js";
import { type RedisCommand, runOn } from "./command.js";
import type { OpenClient } from "./connect.js";
import { Connection } from "./connection.js";
import { wasNotPublished } from "./failure.js";

export interface PublisherEvents {
  /** Says that a Redis is not the one it should be, by rejecting. */
  verify(redis: Redis): Promise<void>;
  onOpen(): void;
  /** It takes messages: it has become proven, or what was too much on its way has been confirmed. */
  onFree(): void;
  /** Redis says that it has not published this, and that another may. */
  onUnpublished(channel: string, message: Buffer | string, error: Error): void;
  onLost(error: Error): void;
}

export interface PublishCounters {
  published: number;
  /** On their way when the connection was lost. */
  unsure: number;
  /** Answered with an error. */
  refused: number;
}

const MAX_ON_THE_WAY_BYTES = 8 * 1_024 ** 2;
/** Of a host that connects, from its attempt until it hears. */
const SUBSCRIBE_MS = 100;

export class Publisher {
  readonly #connection: Connection;
  readonly #sharded: boolean;
  readonly #events: PublisherEvents;
  readonly #counters: PublishCounters;
  #onTheWay = 0;
  #onTheWayBytes = 0;
  #confirmed = 0;
  /** Something has gone there and back on this connection, and the others are likely to hear. */
  #proven = false;
  #full = false;
  #holdUntilMs = 0;
  #hold: NodeJS.Timeout | undefined;
  #corked: Redis["stream"] | undefined;

  constructor(open: OpenClient, sharded: boolean, counters: PublishCounters, events: PublisherEvents) {
    this.#sharded = sharded;
    this.#events = events;
    this.#counters = counters;
    this.#connection = new Connection(open, {
      prepare: (redis) => events.verify(redis),
      onOpen: (failures) => {
        this.#holdUntilMs = failures === 0 ? 0 : performance.now() + holdMs(failures);
        events.onOpen();
      },
      onLost: (error) => this.#lost(error),
    });
  }

  get isOpen(): boolean {
    return this.#connection.redis !== undefined;
  }

  get isFree(): boolean {
    return this.#proven && !this.#full && this.isOpen;
  }

  /** For commands beside publishing. */
  get redis(): Redis | undefined {
    return this.#connection.redis;
  }

  get onTheWay(): number {
    return this.#onTheWay;
  }

  /** Grows with each answer. */
  get confirmed(): number {
    return this.#confirmed;
  }

  start(): void {
    this.#connection.start();
  }

  replace(reason: Error): void {
    this.#connection.replace(reason);
  }

  close(): void {
    this.#endHold();
    this.#connection.close();
  }

  /** Only while it is open; all of a tick leave in one write. */
  publish(channel: string, message: Buffer | string): void {
    const redis = this.#connection.redis as Redis;
    const bytes = bytesOf({ channel, message });
    this.#cork(redis.stream);
    this.#onTheWay++;
    this.#onTheWayBytes += bytes;
    this.#full = this.#onTheWayBytes > MAX_ON_THE_WAY_BYTES;
    const sent = this.#sharded ? redis.spublish(channel, message) : redis.publish(channel, message);
    sent.then(
      () => this.#settled(bytes),
      (error) => this.#rejected(error, { channel, message, bytes }),
    );
  }

  /** All in the write of this tick; texts come as Buffers. */
  run(commands: readonly RedisCommand[]): Promise<unknown[]> {
    const redis = this.#connection.redis;
    if (!redis) return Promise.reject(new Error("Redis is away"));
    this.#cork(redis.stream);
    return runOn(redis, commands);
  }

  /** What was given so far leaves now. */
  push(): void {
    const stream = this.#corked;
    this.#corked = undefined;
    stream?.uncork();
  }

  #settled(bytes: number): void {
    this.#answered();
    this.#counters.published++;
    this.#arrived(bytes);
  }

  #rejected(error: Error, sent: { channel: string; message: Buffer | string; bytes: number }): void {
    const isReply = error.name === "ReplyError";
    if (isReply) this.#answered();
    if (wasNotPublished(error)) this.#events.onUnpublished(sent.channel, sent.message, error);
    else if (isReply) this.#refused(error);
    else this.#counters.unsure++;
    this.#arrived(sent.bytes);
  }

  /** No permission for the channel, most likely: the next message would fare no better. */
  #refused(error: Error): void {
    this.#counters.refused++;
    this.replace(error);
  }

  #arrived(bytes: number): void {
    this.#onTheWay--;
    this.#onTheWayBytes -= bytes;
    const wasFree = this.isFree;
    if (this.#onTheWayBytes < MAX_ON_THE_WAY_BYTES / 2) this.#full = false;
    if (!wasFree && this.isFree) this.#events.onFree();
  }

  #answered(): void {
    this.#confirmed++;
    if (this.#proven || !this.isOpen || this.#hold) return;
    const holdMs = this.#holdUntilMs - performance.now();
    if (holdMs <= 0) this.#release();
    else this.#hold = setTimeout(() => this.#release(), holdMs);
  }

  #release(): void {
    this.#hold = undefined;
    this.#proven = true;
    if (this.isFree) this.#events.onFree();
  }

  #lost(error: Error): void {
    this.#proven = false;
    this.#endHold();
    this.#events.onLost(error);
  }

  #endHold(): void {
    clearTimeout(this.#hold);
    this.#hold = undefined;
  }

  #cork(stream: Redis["stream"]): void {
    if (this.#corked === stream) return;
    this.#corked = stream;
    stream.cork();
    process.nextTick(() => {
      if (this.#corked === stream) this.push();
    });
  }
}

/**
 * When Redis was away, others come back to it in the same moment: what waits is not for an empty house. One of them may
 * have just tried in vain once more than we have.
 */
function holdMs(failures: number): number {
  return longestBackoffMs(failures + 1) + SUBSCRIBE_MS;
}
