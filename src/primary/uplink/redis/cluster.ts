/**
 * The layout of a Redis Cluster. Sharded: a pair of connections to each master, which has the channels of its slots.
 * Classic: one pair, because a Cluster passes plain messages to all its nodes, and one connection to each other master, to
 * count its subscribers. Who is master is asked anew whenever something is lost or refused.
 */
import type { Redis } from "ioredis";
import type { RedisAddress } from "../../../config/settings.js";
import { formatHostAndPort } from "../../../protocol/host-and-port.js";
import { backoffMs } from "./backoff.js";
import type { Client } from "./connect.js";
import { Connection } from "./connection.js";
import type { Layout, LayoutEvents } from "./layout.js";
import { type NodeOptions, RedisNode } from "./node.js";
import { slotOf } from "./slot.js";
import { countOn } from "./subscriber-count.js";
import { channelIn, type Master, mastersOf, slotTable } from "./topology.js";

export interface ClusterOptions extends Omit<NodeOptions, "name" | "open" | "probeChannel" | "isCluster"> {
  readonly seeds: readonly RedisAddress[];
  readonly open: (address: RedisAddress) => Promise<Client>;
  /** What probe channels begin with. */
  readonly probeStem: string;
}

const NOTHING_KNOWN = "the masters of the Cluster are not known yet";
/** Masters may be added without anything being lost. */
const REFRESH_EVERY_MS = 10_000;
const REFRESH_MS = 2_000;
/** Classic: longer than it takes to reconnect to a node that is there. */
const HOME_AWAY_MS = 2_000;

export class ClusterLayout implements Layout {
  readonly #options: ClusterOptions;
  readonly #events: LayoutEvents;
  readonly #nodes = new Map<string, RedisNode>();
  /** Classic: to the masters that are not home. */
  readonly #others = new Map<string, Connection>();
  /** Where each wanted channel has been subscribed. */
  readonly #placed = new Map<string, RedisNode | undefined>();
  readonly #patterns = new Set<string>();
  /** When home was chosen, or last seen to be well. */
  #homeSinceMs = 0;
  #whatLacks: string | undefined = NOTHING_KNOWN;
  #masters: readonly Master[] = [];
  #table: readonly (string | undefined)[] = [];
  #isClosed = false;
  #isRefreshing = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #changed = latch();

  constructor(options: ClusterOptions, events: LayoutEvents) {
    this.#options = options;
    this.#events = events;
  }

  get isReady(): boolean {
    return this.#whatLacks === undefined && [...this.#nodes.values()].every((node) => node.isReady);
  }

  get nodes(): Iterable<RedisNode> {
    return this.#nodes.values();
  }

  start(): void {
    this.#refreshIn(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const closable of [...this.#nodes.values(), ...this.#others.values()]) closable.close();
    this.#placed.clear();
    this.#changed.open();
  }

  nodeFor(channel: string): RedisNode | undefined {
    const { sharded } = this.#options;
    if (!sharded) return this.#home;
    const name = this.#table[slotOf(channel)];
    return name === undefined ? undefined : this.#nodes.get(name);
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    const added = channels.filter((channel) => !this.#placed.has(channel));
    for (const channel of added) this.#placed.set(channel, undefined);
    this.#place(added);
    await Promise.all(channels.map((channel) => this.#confirmed(channel)));
  }

  async subscribePattern(pattern: string): Promise<void> {
    this.#patterns.add(pattern);
    while (!this.#isClosed) {
      const home = this.#home;
      await (home ? home.subscriber.subscribePattern(pattern) : this.#changed.opened);
      if (home && home === this.#home) return;
    }
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) {
      const node = this.#placed.get(channel);
      this.#placed.delete(channel);
      node?.subscriber.unsubscribe([channel]);
    }
  }

  async count(channels: readonly string[]): Promise<number[]> {
    const { sharded } = this.#options;
    if (sharded) {
      const counts = channels.map((channel) => countOn(this.nodeFor(channel)?.publisher.redis, [channel], true));
      return (await Promise.all(counts)).flat();
    }
    const others = [...this.#others.values()].map((connection) => countAt(connection, channels));
    const counts = await Promise.all([countOn(this.#home?.publisher.redis, channels, false), ...others]);
    return channels.map((_, index) => counts.reduce((sum, each) => sum + (each[index] ?? 0), 0));
  }

  redisWith(key: string): Redis | undefined {
    const name = this.#table[slotOf(key)];
    if (name === undefined) return undefined;
    return this.#nodes.get(name)?.publisher.redis ?? this.#others.get(name)?.redis;
  }

  get #home(): RedisNode | undefined {
    return this.#options.sharded ? undefined : this.#nodes.values().next().value;
  }

  /** Soon, unless it is on its way. */
  #refreshIn(ms: number): void {
    if (this.#isClosed || this.#isRefreshing) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), ms);
  }

  async #refresh(): Promise<void> {
    this.#isRefreshing = true;
    try {
      const masters = await this.#ask();
      if (!this.#isClosed) this.#apply(masters);
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      // Whatever keeps us from the nodes that we know, they tell themselves.
      if (!this.#isClosed && this.#nodes.size === 0) this.#events.onLost(error as Error, false);
    }
    this.#isRefreshing = false;
    const isWell = this.isReady && this.#failures === 0;
    this.#refreshIn(isWell ? REFRESH_EVERY_MS : backoffMs(Math.max(this.#failures, 4), Math.random()));
  }

  /** Of whoever answers first in turn: a node we are connected to, a master that was, a seed. */
  async #ask(): Promise<Master[]> {
    let failure: unknown = new Error("no node of the Cluster is known");
    for (const { publisher, name } of this.#nodes.values()) {
      const address = this.#masters.find((master) => master.name === name)?.address;
      if (!publisher.redis || !address) continue;
      try {
        return mastersOf(await late(publisher.redis.cluster("SLOTS")), address);
      } catch (error) {
        failure = error;
      }
    }
    const known = [...this.#masters.map(({ address }) => address), ...this.#options.seeds];
    const addresses = new Map(known.map((address) => [formatHostAndPort(address), address]));
    for (const address of addresses.values()) {
      try {
        return await this.#askAt(address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #askAt(address: RedisAddress): Promise<Master[]> {
    const client = await this.#options.open(address);
    try {
      return mastersOf(await late(client.redis.cluster("SLOTS")), address);
    } finally {
      client.destroy(new Error("asked"));
    }
  }

  #apply(masters: readonly Master[]): void {
    this.#masters = masters;
    this.#table = slotTable(masters);
    this.#whatLacks = whatLacks(masters, this.#options.sharded && this.#table.includes(undefined));
    const { sharded } = this.#options;
    const needed = sharded ? masters : this.#chooseHome(masters);
    for (const [name, node] of this.#nodes)
      if (!needed.some((master) => master.name === name)) this.#remove(name, node);
    for (const master of needed) if (!this.#nodes.has(master.name)) this.#add(master);
    if (!sharded) this.#connectOthers(masters);
    this.#place([...this.#placed.keys()]);
    this.#changed.open();
    this.#changed = latch();
    if (this.#whatLacks !== undefined) this.#events.onLost(new Error(this.#whatLacks), false);
    this.#events.onReady();
    for (const node of this.#nodes.values()) if (node.publisher.isFree) this.#events.onFree(node);
  }

  /** The one that is, while it is well or was just now; else another one, which may be well. */
  #chooseHome(masters: readonly Master[]): readonly Master[] {
    const [present] = this.#nodes.values();
    const current = masters.find(({ name }) => name === present?.name);
    const isAway = !present?.isReady && performance.now() - this.#homeSinceMs > HOME_AWAY_MS;
    if (present?.isReady) this.#homeSinceMs = performance.now();
    if (current && !isAway) return [current];
    this.#homeSinceMs = performance.now();
    // Hosts start anywhere, so that not all have their home on one node.
    const at = current ? masters.indexOf(current) + 1 : Math.floor(Math.random() * masters.length);
    return masters.slice(at % masters.length).slice(0, 1);
  }

  #add(master: Master): void {
    const { open, probeStem } = this.#options;
    const node = new RedisNode(
      {
        ...this.#options,
        name: master.name,
        isCluster: true,
        open: () => open(master.address),
        probeChannel: channelIn(master, probeStem),
      },
      {
        ...this.#events,
        onFree: () => this.#events.onFree(node),
        onUnpublished: (channel, message) => {
          this.#refreshIn(0);
          this.#events.onUnpublished(channel, message);
        },
        onLost: (error, wasDeaf) => {
          this.#refreshIn(0);
          this.#events.onLost(error, wasDeaf);
        },
      },
    );
    this.#nodes.set(master.name, node);
    node.start();
    for (const pattern of this.#patterns) void node.subscriber.subscribePattern(pattern);
  }

  #remove(name: string, node: RedisNode): void {
    this.#nodes.delete(name);
    for (const [channel, at] of this.#placed) if (at === node) this.#placed.set(channel, undefined);
    node.close();
    // What its slots' channels were sent until they are subscribed elsewhere has not been heard.
    this.#events.onLost(new Error(`${name} is not a master any more`), true);
  }

  #connectOthers(masters: readonly Master[]): void {
    const others = masters.filter(({ name }) => !this.#nodes.has(name));
    for (const [name, connection] of this.#others) {
      if (others.some((other) => other.name === name)) continue;
      connection.close();
      this.#others.delete(name);
    }
    for (const { name, address } of others) {
      if (this.#others.has(name)) continue;
      const connection = new Connection(() => this.#options.open(address), {
        prepare: () => Promise.resolve(),
        onOpen: () => {},
        onLost: () => this.#refreshIn(REFRESH_MS),
      });
      this.#others.set(name, connection);
      connection.start();
    }
  }

  /** Subscribes where the channels belong by now. */
  #place(channels: readonly string[]): void {
    for (const channel of channels) {
      const node = this.nodeFor(channel);
      const before = this.#placed.get(channel);
      if (node === before) continue;
      before?.subscriber.unsubscribe([channel]);
      this.#placed.set(channel, node);
      void node?.subscriber.subscribe([channel]);
    }
  }

  /** Its node may change, or be unknown yet, while Redis is waited for. */
  async #confirmed(channel: string): Promise<void> {
    while (this.#placed.has(channel)) {
      const node = this.#placed.get(channel);
      await (node ? node.subscriber.subscribe([channel]) : this.#changed.opened);
      if (node && node === this.#placed.get(channel)) return;
    }
  }
}

/** No probe watches these connections: the question is one. */
async function countAt(connection: Connection, channels: readonly string[]): Promise<number[]> {
  try {
    return await late(countOn(connection.redis, channels, false));
  } catch (error) {
    connection.replace(error as Error);
    throw error;
  }
}

function whatLacks(masters: readonly Master[], hasGaps: boolean): string | undefined {
  if (masters.length === 0) return "the Cluster has no masters with slots";
  return hasGaps ? "slots of the Cluster have no master" : undefined;
}

interface Latch {
  readonly opened: Promise<void>;
  open(): void;
}

function latch(): Latch {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A node that has stopped takes the question, and never answers. */
async function late<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${REFRESH_MS} ms`)), REFRESH_MS);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
