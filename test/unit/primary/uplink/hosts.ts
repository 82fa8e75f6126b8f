/**
 * Hosts in one process, for fast tests of the uplink: real switches, wires and workers behind real links, joined by a bus
 * in memory that behaves as Redis' pub/sub. What only a real Redis shows is for test/flow.
 */
import { onTestFinished } from "vitest";
import { Switch } from "../../../../src/primary/switch/switch.js";
import type { ByteLink } from "../../../../src/primary/uplink/contract.js";
import type { RedisLinkEvents, RedisLinkState } from "../../../../src/primary/uplink/redis/redis-link.js";
import { Uplink } from "../../../../src/primary/uplink/uplink.js";
import { ClassicWire } from "../../../../src/primary/uplink/wire/classic.js";
import { ShardedWire } from "../../../../src/primary/uplink/wire/sharded.js";
import { startWorker, type Worker } from "../../worker/cluster.js";

export interface Host {
  readonly uid: string;
  readonly hub: Switch;
  readonly uplink: Uplink;
  readonly link: BusLink;
  readonly workers: readonly Worker[];
  readonly logged: readonly { readonly event: string }[];
}

export interface HostOptions {
  readonly mode?: "classic" | "sharded";
  readonly workers?: number;
  readonly secret?: string;
}

export class Bus {
  readonly links = new Set<BusLink>();
  readonly published: { readonly channel: string; readonly bytes: Buffer }[] = [];
  /** What is published is lost. */
  losing = false;

  readonly kept = new Map<string, string>();

  publish(channel: string, bytes: Buffer): void {
    this.published.push({ channel, bytes });
    if (this.losing) return;
    for (const link of this.links) link.hear(channel, bytes);
  }
}

export class BusLink implements ByteLink {
  state: RedisLinkState = "connecting";
  readonly counters = {};
  readonly channels = new Set<string>();
  readonly #patterns: string[] = [];
  readonly #bus: Bus;
  readonly #events: RedisLinkEvents;

  constructor(bus: Bus, events: RedisLinkEvents) {
    this.#bus = bus;
    this.#events = events;
  }

  readonly isOpen = false;

  get isFree(): boolean {
    return this.state === "ready";
  }

  run(): Promise<readonly unknown[]> {
    return Promise.reject(new Error("there is no Redis behind this"));
  }

  push(): void {}

  async start(): Promise<void> {
    this.up(false);
  }

  up(missed: boolean): void {
    this.state = "ready";
    this.#bus.links.add(this);
    this.#events.onUp(missed);
  }

  down(): void {
    this.state = "down";
    this.#bus.links.delete(this);
    this.#events.onDown("gone");
  }

  /** Its host stands still: it says and does nothing more, and stays subscribed. */
  frozen = false;

  /** Its host has died, which Redis notices. */
  die(): void {
    this.#bus.links.delete(this);
    this.channels.clear();
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.channels.add(channel);
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.channels.delete(channel);
  }

  async subscribePattern(pattern: string): Promise<void> {
    this.#patterns.push(pattern.slice(0, -1));
  }

  publish(channel: string, bytes: Buffer): boolean {
    if (!this.#bus.links.has(this) || this.frozen) return false;
    this.#bus.publish(channel, bytes);
    return true;
  }

  async countSubscribers(channels: readonly string[]): Promise<number[]> {
    const links = [...this.#bus.links];
    return channels.map((channel) => links.filter((link) => link.channels.has(channel)).length);
  }

  async share(key: string, value: string): Promise<string> {
    if (!this.#bus.kept.has(key)) this.#bus.kept.set(key, value);
    return this.#bus.kept.get(key) as string;
  }

  async close(): Promise<void> {
    this.die();
  }

  hear(channel: string, bytes: Buffer): void {
    if (!this.channels.has(channel) && !this.#patterns.some((stem) => channel.startsWith(stem))) return;
    setImmediate(() => this.#bus.links.has(this) && !this.frozen && this.#events.onMessage(channel, bytes));
  }
}

let lastHost = 0;

/** Starts a host on the bus, which is known to the others when this resolves; it stops when the test ends. */
export async function startHost(bus: Bus, options: HostOptions = {}): Promise<Host> {
  const { mode = "classic", workers: count = 2, secret } = options;
  const uid = `host-${++lastHost}`;
  const logged: { event: string }[] = [];
  let opened: BusLink | undefined;
  const log = (fields: object) => void logged.push(fields as { event: string });
  const wireOptions = { prefix: "p", uid, ...(secret !== undefined && { secret }) };
  const uplink: Uplink = new Uplink({
    wire: mode === "classic" ? new ClassicWire(wireOptions) : new ShardedWire(wireOptions),
    openLink: (events) => {
      opened = new BusLink(bus, events);
      return opened;
    },
    uid,
    hostTag: `t${String(lastHost).padStart(3, "0")}`,
    prefix: "p",
    redisSecret: secret,
    hostId: uid,
    release: "1.2.3",
    maxMessageBytes: 1024 * 1024,
    believesPlain: secret === undefined,
    log: { info: log, warn: log, error: log },
  });
  const hub = new Switch();
  uplink.deliverTo(hub.attach(uplink));
  onTestFinished(async () => {
    await uplink.close();
    hub.close();
  });
  await uplink.start();
  const link = opened as unknown as BusLink;
  const workers: Worker[] = [];
  for (let i = 0; i < count; i++) workers.push(await startWorker(hub, {}, mode));
  return { uid, hub, uplink, link, workers, logged };
}
