/**
 * Somebody at Redis who speaks the wire of `@socket.io/redis-adapter` by hand: publishes whatever the test says, as a plain
 * server, an emitter or an attacker would, and hears what others publish.
 */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { decode, encode } from "notepack.io";
import { onCleanup } from "./cleanup.js";
import type { Socket } from "./client.js";
import { eventually } from "./eventually.js";
import type { RedisMode } from "./plain-member.js";
import { nsp, run } from "./remote.js";

export interface Heard {
  readonly channel: string;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: a message is what the test that waits for it knows it to be
  readonly message: any;
}

export interface OutsiderOptions {
  readonly mode?: RedisMode;
  readonly prefix?: string;
}

export async function joinAsOutsider(
  { url }: { readonly url: string },
  { mode = "classic", prefix = "socket.io" }: OutsiderOptions = {},
): Promise<Outsider> {
  const outsider = new Outsider(url, mode, prefix);
  onCleanup(() => outsider.leave());
  await outsider.subscribe();
  return outsider;
}

export class Outsider {
  readonly uid = randomUUID().slice(0, 6);
  readonly heard: Heard[] = [];
  readonly #mode: RedisMode;
  readonly #prefix: string;
  readonly #pub: Redis;
  readonly #sub: Redis;

  constructor(url: string, mode: RedisMode, prefix: string) {
    this.#mode = mode;
    this.#prefix = prefix;
    this.#pub = new Redis(url);
    this.#sub = new Redis(url);
    this.#sub.on("messageBuffer", (channel: Buffer, bytes: Buffer) => this.#hear(channel, bytes));
    this.#sub.on("smessageBuffer", (channel: Buffer, bytes: Buffer) => this.#hear(channel, bytes));
    this.#sub.on("pmessageBuffer", (_: Buffer, channel: Buffer, bytes: Buffer) => this.#hear(channel, bytes));
  }

  /** Of a namespace, to all of its servers. */
  channel(namespace = "/"): string {
    return `${this.#prefix}#${namespace}#`;
  }

  requestChannel(namespace = "/"): string {
    return this.#mode === "sharded" ? this.channel(namespace) : `${this.#prefix}-request#${namespace}#`;
  }

  responseChannel(namespace = "/"): string {
    return this.#mode === "sharded"
      ? `${this.channel(namespace)}${this.uid}#`
      : `${this.#prefix}-response#${namespace}#`;
  }

  /** How many have heard it. */
  publish(channel: string, message: string | Buffer): Promise<number> {
    const command = this.#mode === "sharded" ? "spublish" : "publish";
    return this.#pub.call(command, channel, message) as Promise<number>;
  }

  /** As redis-adapter encodes it: JSON, or msgpack where it may hold bytes. */
  say(channel: string, message: unknown, format: "json" | "msgpack" = "json"): Promise<number> {
    return this.publish(channel, format === "json" ? JSON.stringify(message) : encode(message));
  }

  /** What came on the response channels for a request. */
  responsesTo(requestId: string): Heard["message"][] {
    const responses = this.heard.filter(({ channel }) => channel.startsWith(this.responseChannel()));
    const messages = responses.map(({ message }) => message);
    return messages.filter((message) => (message?.data?.requestId ?? message?.requestId) === requestId);
  }

  /** Resolves when what the worker of each client has published until now has been heard. */
  async settle(clients: readonly Socket[]): Promise<void> {
    for (const client of clients) {
      const mark = `outsider-${randomUUID()}`;
      await run(client, nsp.emit(mark));
      await eventually(
        () => this.heard.some(({ bytes }) => bytes.includes(mark)),
        (heard) => heard,
      );
    }
  }

  async subscribe(): Promise<void> {
    if (this.#mode === "sharded") {
      await this.#sub.ssubscribe(this.channel());
      await this.#sub.ssubscribe(this.responseChannel());
    } else {
      // By patterns: whoever subscribes to the request channel itself is counted as a server.
      const others = ["request#/#*", "response#/#*", "holdfast#*"].map((name) => `${this.#prefix}-${name}`);
      await this.#sub.psubscribe(`${this.channel()}*`, ...others);
    }
  }

  leave(): void {
    this.#pub.disconnect();
    this.#sub.disconnect();
  }

  #hear(channel: Buffer, bytes: Buffer): void {
    this.heard.push({ channel: channel.toString(), bytes, message: decoded(bytes) });
  }
}

function decoded(bytes: Buffer): unknown {
  try {
    return bytes[0] === 0x7b ? JSON.parse(bytes.toString()) : decode(bytes);
  } catch {
    return undefined;
  }
}
