/**
 * The connection that hears. What is wanted is kept here; each new connection is open only when Redis has confirmed all of
 * it. Commands go out in the order of the calls, so the last word on a channel is the one that holds.
 */
import type { Redis } from "ioredis";
import type { OpenClient } from "./connect.js";
import { Connection } from "./connection.js";
import { slotOf } from "./slot.js";

export interface SubscriberEvents {
  onMessage(channel: string, message: Buffer): void;
  onOpen(): void;
  onLost(error: Error, wasOpen: boolean): void;
}

export interface SubscriberOptions {
  readonly sharded: boolean;
  /** In a Cluster the channels of one command must share a slot. */
  readonly isCluster: boolean;
  /** Says that a Redis is not the one it should be, by rejecting. */
  verify(redis: Redis): Promise<void>;
}

/** So that no command holds up what comes behind it. */
const CHANNELS_PER_COMMAND = 1_000;

interface Wanted {
  confirmed: boolean;
  readonly waiting: (() => void)[];
}

export class Subscriber {
  readonly #connection: Connection;
  readonly #options: SubscriberOptions;
  readonly #events: SubscriberEvents;
  readonly #channels = new Map<string, Wanted>();
  readonly #patterns = new Map<string, Wanted>();
  /** Also while it is being prepared. */
  #redis: Redis | undefined;
  #heard = 0;

  constructor(open: OpenClient, options: SubscriberOptions, events: SubscriberEvents) {
    this.#options = options;
    this.#events = events;
    this.#connection = new Connection(open, {
      prepare: (redis) => this.#prepare(redis),
      onOpen: () => events.onOpen(),
      onLost: (error, wasOpen) => {
        this.#forget();
        events.onLost(error, wasOpen);
      },
    });
  }

  get isOpen(): boolean {
    return this.#connection.redis !== undefined;
  }

  /** Grows with each message. */
  get heard(): number {
    return this.#heard;
  }

  get channels(): Iterable<string> {
    return this.#channels.keys();
  }

  get patterns(): Iterable<string> {
    return this.#patterns.keys();
  }

  start(): void {
    this.#connection.start();
  }

  replace(reason: Error): void {
    this.#connection.replace(reason);
  }

  close(): void {
    this.#connection.close();
    for (const channel of [...this.#channels.keys()]) this.#drop(this.#channels, channel);
    for (const pattern of [...this.#patterns.keys()]) this.#drop(this.#patterns, pattern);
  }

  /** Resolves when Redis has confirmed all, or they are not wanted any more. */
  subscribe(channels: readonly string[]): Promise<void> {
    const missing = channels.filter((channel) => !this.#channels.has(channel));
    for (const channel of missing) this.#channels.set(channel, { confirmed: false, waiting: [] });
    this.#ask(this.#options.sharded ? "ssubscribe" : "subscribe", this.#channels, missing);
    return confirmation(this.#channels, channels);
  }

  subscribePattern(pattern: string): Promise<void> {
    if (!this.#patterns.has(pattern)) {
      this.#patterns.set(pattern, { confirmed: false, waiting: [] });
      this.#ask("psubscribe", this.#patterns, [pattern]);
    }
    return confirmation(this.#patterns, [pattern]);
  }

  unsubscribe(channels: readonly string[]): void {
    const known = channels.filter((channel) => this.#drop(this.#channels, channel));
    const command = this.#options.sharded ? "sunsubscribe" : "unsubscribe";
    const redis = this.#redis;
    if (redis?.status !== "ready") return;
    for (const group of this.#grouped(known)) redis[command](...group).catch(() => {});
  }

  async #prepare(redis: Redis): Promise<void> {
    const hear = (channel: Buffer, message: Buffer) => {
      this.#heard++;
      this.#events.onMessage(channel.toString(), message);
    };
    redis.on(this.#options.sharded ? "smessageBuffer" : "messageBuffer", hear);
    redis.on("pmessageBuffer", (_pattern: string, channel: Buffer, message: Buffer) => hear(channel, message));
    // A Cluster takes away subscriptions of slots that it moves.
    redis.on("moved", () => this.replace(new Error("slots have moved to another master")));
    await this.#options.verify(redis);
    this.#redis = redis;
    await Promise.all([
      this.#send(redis, this.#options.sharded ? "ssubscribe" : "subscribe", this.#channels, [...this.#channels.keys()]),
      this.#send(redis, "psubscribe", this.#patterns, [...this.#patterns.keys()]),
    ]);
  }

  /** Of a connection that is there; else it is asked for when there is one. */
  #ask(command: SubscribeCommand, wanted: Map<string, Wanted>, names: readonly string[]): void {
    if (this.#redis?.status !== "ready" || names.length === 0) return;
    this.#send(this.#redis, command, wanted, names).catch((error) => this.replace(error));
  }

  async #send(
    redis: Redis,
    command: SubscribeCommand,
    wanted: Map<string, Wanted>,
    names: readonly string[],
  ): Promise<void> {
    const groups = command === "psubscribe" ? [names].filter((all) => all.length > 0) : this.#grouped(names);
    await Promise.all(groups.map((group) => this.#sendGroup(redis, command, wanted, group)));
  }

  async #sendGroup(
    redis: Redis,
    command: SubscribeCommand,
    wanted: Map<string, Wanted>,
    group: readonly string[],
  ): Promise<void> {
    // Whoever is unsubscribed and subscribed again meanwhile waits for a command of its own.
    const entries = group.map((name) => wanted.get(name));
    await redis[command](...group);
    if (this.#redis !== redis) return;
    for (const entry of entries) if (entry) confirm(entry);
  }

  #grouped(channels: readonly string[]): string[][] {
    const groups = new Map<number, string[][]>();
    for (const channel of channels) {
      const slot = this.#options.isCluster && this.#options.sharded ? slotOf(channel) : 0;
      const ofSlot = groups.get(slot) ?? [];
      const last = ofSlot.at(-1);
      if (last && last.length < CHANNELS_PER_COMMAND) last.push(channel);
      else ofSlot.push([channel]);
      groups.set(slot, ofSlot);
    }
    return [...groups.values()].flat();
  }

  /** Confirmed is what the present connection has; promises that have been kept stay so. */
  #forget(): void {
    this.#redis = undefined;
    for (const entry of [...this.#channels.values(), ...this.#patterns.values()]) entry.confirmed = false;
  }

  #drop(wanted: Map<string, Wanted>, name: string): boolean {
    const entry = wanted.get(name);
    if (!entry) return false;
    wanted.delete(name);
    for (const resolve of entry.waiting.splice(0)) resolve();
    return true;
  }
}

type SubscribeCommand = "subscribe" | "ssubscribe" | "psubscribe";

function confirm(entry: Wanted): void {
  entry.confirmed = true;
  for (const resolve of entry.waiting.splice(0)) resolve();
}

async function confirmation(wanted: Map<string, Wanted>, names: readonly string[]): Promise<void> {
  const waits = names.flatMap((name) => {
    const entry = wanted.get(name);
    return entry && !entry.confirmed ? [new Promise<void>((resolve) => entry.waiting.push(resolve))] : [];
  });
  await Promise.all(waits);
}
