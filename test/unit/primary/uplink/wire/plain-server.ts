/**
 * Plain Socket.IO servers with the real @socket.io/redis-adapter, whose Redis is a recorder: what they publish is kept, and
 * what a test delivers is what they are told. Their clients are stand-ins that keep what is written to them.
 */
import { EventEmitter } from "node:events";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { Server } from "socket.io";

export interface Published {
  readonly channel: string;
  readonly bytes: Buffer;
}

/** As much of redis@3 and ioredis as the adapters use. Its number of subscribers is a test's to set. */
class RecordingRedis extends EventEmitter {
  readonly published: Published[] = [];
  readonly patterns = new Set<string>();
  readonly channels = new Set<string>();
  subscribers = 2;

  publish(channel: string, message: string | Buffer): Promise<number> {
    this.published.push({ channel, bytes: Buffer.from(message as Buffer) });
    return Promise.resolve(1);
  }

  spublish(channel: string, message: string | Buffer): Promise<number> {
    return this.publish(channel, message);
  }

  psubscribe(pattern: string): void {
    this.patterns.add(pattern);
  }

  subscribe(channels: readonly string[]): void {
    for (const channel of channels) this.channels.add(channel);
  }

  ssubscribe(channel: string): void {
    this.channels.add(channel);
  }

  send_command(_command: string, args: readonly string[], callback: (error: null, reply: unknown) => void): void {
    callback(null, [args[1], this.subscribers]);
  }
}

export class FakeClient {
  readonly written: unknown[] = [];
  readonly rooms = new Set<string>();
  readonly acks = new Map<number, (value: unknown) => void>();
  readonly handshake = { headers: { a: "b" }, issued: 5 };
  readonly data: unknown = { name: "plain", bytes: Buffer.from("abc") };
  disconnected: boolean | undefined;
  readonly client = { writeToEngine: (packets: unknown[]) => this.written.push(...packets) };

  constructor(readonly id: string) {}

  notifyOutgoingListeners(): void {}
  join(rooms: string | string[]): void {
    for (const room of [rooms].flat()) this.rooms.add(room);
  }
  leave(room: string): void {
    this.rooms.delete(room);
  }
  disconnect(close: boolean): void {
    this.disconnected = close;
  }
}

export function plainServer(mode: "classic" | "sharded", name = "/") {
  const redis = new RecordingRedis();
  const create = mode === "classic" ? createAdapter : createShardedAdapter;
  const io = new Server({ adapter: create(redis, redis) });
  const namespace = io.of(name);
  redis.on("error", () => {});

  /** As Redis brings it: to the pattern, to a channel, or to nobody. */
  function deliver({ channel, bytes }: Published): boolean {
    for (const pattern of redis.patterns) {
      if (!channel.startsWith(pattern.slice(0, -1))) continue;
      redis.emit("pmessageBuffer", Buffer.from(pattern), Buffer.from(channel), bytes);
      return true;
    }
    if (!redis.channels.has(channel)) return false;
    redis.emit(mode === "classic" ? "messageBuffer" : "smessageBuffer", Buffer.from(channel), bytes);
    return true;
  }

  function connect(id: string, ...rooms: string[]): FakeClient {
    const client = new FakeClient(id);
    namespace.sockets.set(id, client as never);
    void namespace.adapter.addAll(id, new Set([id, ...rooms]));
    return client;
  }

  /** What was published since the last call. */
  const takePublished = () => redis.published.splice(0);
  return { io, namespace, redis, deliver, connect, takePublished };
}

/** A redis-emitter and what it has published. */
export function recordingEmitter() {
  const redis = new RecordingRedis();
  return { emitter: new Emitter(redis), takePublished: () => redis.published.splice(0) };
}
