/**
 * One Redis (of a Cluster: one master) with its pair of connections, one that publishes and one that hears, and the probe
 * that goes from the one to the other. Ready when the probe has come back.
 */
import type { Redis } from "ioredis";
import type { OpenClient } from "./connect.js";
import { Probe } from "./probe.js";
import { type PublishCounters, Publisher } from "./publisher.js";
import { RedisRefusedError } from "./redis-error.js";
import { Subscriber } from "./subscriber.js";

export interface NodeOptions {
  /** For people. */
  readonly name: string;
  readonly open: OpenClient;
  readonly sharded: boolean;
  readonly isCluster: boolean;
  /** A Sentinel's word may be old: what it named must say itself that it is the master. */
  readonly mustBeMaster: boolean;
  readonly probeChannel: string;
  /** What is to be done on a connection before anything is published there. */
  readonly prepare?: (redis: Redis) => Promise<void>;
  readonly counters: PublishCounters;
}

export interface NodeEvents {
  onMessage(channel: string, message: Buffer): void;
  onReady(): void;
  /** Messages may be given to it (again). */
  onFree(): void;
  onUnpublished(channel: string, message: Buffer | string): void;
  /** One of the two was lost, or could not be had. `wasDeaf`: messages may have passed unheard. */
  onLost(error: Error, wasDeaf: boolean): void;
}

const DEAD: Readonly<Record<string, string>> = {
  "publisher-dead": "Redis does not answer",
  "subscriber-dead": "the subscriber's connection is silent",
  "both-dead": "neither connection to Redis gives a sign",
};

export class RedisNode {
  readonly publisher: Publisher;
  readonly subscriber: Subscriber;
  readonly #options: NodeOptions;
  readonly #events: NodeEvents;
  readonly #probe = new Probe();
  #isReady = false;

  constructor(options: NodeOptions, events: NodeEvents) {
    const { open, sharded, isCluster } = options;
    this.#options = options;
    this.#events = events;
    this.publisher = new Publisher(open, sharded, options.counters, {
      verify: async (redis) => {
        await this.#verify(redis);
        await options.prepare?.(redis);
      },
      onOpen: () => this.#probeAnew(),
      onFree: () => events.onFree(),
      onUnpublished: (channel, message, error) => this.#unpublished(channel, message, error),
      onLost: (error) => this.#lost(error, false),
    });
    this.subscriber = new Subscriber(
      open,
      { sharded, isCluster, verify: (redis) => this.#verify(redis) },
      {
        onMessage: (channel, message) => this.#hear(channel, message),
        onOpen: () => this.#probeAnew(),
        onLost: (error, wasOpen) => this.#lost(error, wasOpen),
      },
    );
    void this.subscriber.subscribe([options.probeChannel]);
  }

  get name(): string {
    return this.#options.name;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  start(): void {
    this.publisher.start();
    this.subscriber.start();
  }

  close(): void {
    this.#isReady = false;
    this.publisher.close();
    this.subscriber.close();
  }

  /** Once a second. Ticks are counted, not time: while this process stands still, all others seem dead. */
  tick(): void {
    if (!this.publisher.isOpen || !this.subscriber.isOpen) return;
    const verdict = this.#probe.judge(this.#sight());
    if (verdict !== "well") return this.#replace(verdict);
    this.#sendProbe();
    if (this.#options.mustBeMaster && this.publisher.redis) this.#checkRole(this.publisher.redis);
  }

  #replace(verdict: string): void {
    const reason = new Error(DEAD[verdict]);
    if (verdict !== "subscriber-dead") this.publisher.replace(reason);
    if (verdict !== "publisher-dead") this.subscriber.replace(reason);
  }

  /** The publisher's first proves that it may publish, also while nobody hears it. */
  #probeAnew(): void {
    if (!this.publisher.isOpen) return;
    this.#probe.reset();
    this.#sendProbe();
  }

  #sendProbe(): void {
    const text = this.#probe.next(this.#sight());
    if (text !== undefined) this.publisher.publish(this.#options.probeChannel, text);
  }

  #sight() {
    const { onTheWay, confirmed } = this.publisher;
    return { onTheWay, confirmed, heard: this.subscriber.heard };
  }

  #hear(channel: string, message: Buffer): void {
    if (channel !== this.#options.probeChannel) return this.#events.onMessage(channel, message);
    if (!this.#probe.hear(message.toString()) || this.#isReady || !this.subscriber.isOpen) return;
    this.#isReady = true;
    this.#events.onReady();
  }

  #unpublished(channel: string, message: Buffer | string, error: Error): void {
    if (channel === this.#options.probeChannel) this.publisher.replace(error);
    else this.#events.onUnpublished(channel, message);
  }

  #lost(error: Error, wasDeaf: boolean): void {
    this.#isReady = false;
    this.#probe.reset();
    this.#events.onLost(error, wasDeaf);
  }

  #checkRole(redis: Redis): void {
    this.#verify(redis).catch((error: Error) => {
      this.publisher.replace(error);
      this.subscriber.replace(error);
    });
  }

  async #verify(redis: Redis): Promise<void> {
    const { sharded, isCluster, mustBeMaster } = this.#options;
    if (sharded && !isCluster && (await isInCluster(redis))) {
      throw new RedisRefusedError("this Redis is in a Cluster: repeat --redis for its nodes");
    }
    if (!mustBeMaster) return;
    const role = await roleOf(redis);
    if (role !== "master") throw new Error(`${this.name} is a ${role}, not a master`);
  }
}

/** A Redis that is in none answers with an error; so does one that does not tell us. */
async function isInCluster(redis: Redis): Promise<boolean> {
  try {
    await redis.cluster("INFO");
    return true;
  } catch {
    return false;
  }
}

/** A user who may not ask is taken at the Sentinel's word; so is a connection that ends meanwhile, which is seen elsewhere. */
async function roleOf(redis: Redis): Promise<string> {
  try {
    const [role] = await redis.role();
    return String(role);
  } catch {
    return "master";
  }
}
