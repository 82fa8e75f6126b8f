/**
 * What the recovery asks of Redis (see its store.ts): commands on the connection that publishes, a channel of each host for
 * itself, and that what a turn publishes leaves behind what it keeps. Runs in the primary.
 */
import type { ByteLink, StoreListener } from "./contract.js";
import type { RedisCommand } from "./redis/command.js";

const NOBODY: StoreListener = {
  onConnect: () => Promise.resolve(),
  onUp: () => {},
  onDown: () => {},
  onMessage: () => {},
  onFlush: () => {},
  onFlushed: () => {},
};

interface Message {
  readonly channel: string;
  readonly bytes: Buffer;
}

export class HostStore {
  listener: StoreListener = NOBODY;
  readonly uid: string;
  readonly prefix: string;
  readonly secret: string | undefined;
  readonly ownChannel: string;
  readonly #link: ByteLink;
  #isBegun = false;
  #held: Message[] = [];

  constructor(link: ByteLink, options: { uid: string; prefix: string; secret: string | undefined }) {
    this.#link = link;
    this.uid = options.uid;
    this.prefix = options.prefix;
    this.secret = options.secret;
    this.ownChannel = this.#channelOf(options.uid);
  }

  get isReady(): boolean {
    return this.#link.state === "ready";
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  readonly run = (commands: readonly RedisCommand[]): Promise<readonly unknown[]> => this.#link.run(commands);

  listen(listener: StoreListener): void {
    this.listener = listener;
  }

  async begin(): Promise<void> {
    this.#isBegun = true;
    await this.#link.subscribe([this.ownChannel]);
  }

  tell(uid: string, message: Buffer): boolean {
    return this.publish(this.#channelOf(uid), message);
  }

  async isThere(uid: string): Promise<boolean> {
    const [listeners = 0] = await this.#link.countSubscribers([this.#channelOf(uid)]);
    return listeners > 0;
  }

  /** At the end of the turn, in order; larger than may wait is told by the link. */
  publish(channel: string, bytes: Buffer): boolean {
    if (!this.#isBegun) return this.#link.publish(channel, bytes);
    if (this.#held.length === 0) process.nextTick(() => this.flush());
    this.#held.push({ channel, bytes });
    return true;
  }

  flush(): void {
    if (!this.#isBegun) return;
    this.listener.onFlush();
    const held = this.#held;
    this.#held = [];
    for (const { channel, bytes } of held) this.#link.publish(channel, bytes);
    this.#link.push();
    this.listener.onFlushed();
  }

  #channelOf(uid: string): string {
    return `${this.prefix}-holdfast-recovery#${uid}`;
  }
}
