/** A RedisLink in the test's own process, that notes what it says. Closed at the end. */
import { parseRedisUrls } from "../../../src/config/redis-url.js";
import type { Logger } from "../../../src/log/logger.js";
import { RedisLink, type RedisOptions } from "../../../src/primary/uplink/redis/redis-link.js";
import { onCleanup } from "./cleanup.js";
import { eventually } from "./eventually.js";

export interface NotedMessage {
  readonly channel: string;
  readonly bytes: Buffer;
  readonly text: string;
}

export class NotedLink {
  readonly link: RedisLink;
  readonly messages: NotedMessage[] = [];
  readonly ups: { readonly missed: boolean; readonly atMs: number }[] = [];
  readonly downs: { readonly reason: string; readonly atMs: number }[] = [];
  /** Objects that were logged. */
  readonly lines: Record<string, unknown>[] = [];

  constructor(urls: string | readonly string[], options: Partial<RedisOptions> = {}) {
    const say = (line: Record<string, unknown>) => void this.lines.push(line);
    const log = { info: say, warn: say, error: say } as unknown as Logger;
    const target = parseRedisUrls([urls].flat());
    this.link = new RedisLink(
      { target, mode: "classic", prefix: "test", required: false, log, ...options },
      {
        onMessage: (channel, message) => void this.messages.push({ channel, bytes: message, text: message.toString() }),
        onUp: (missed) => void this.ups.push({ missed, atMs: performance.now() }),
        onDown: (reason) => void this.downs.push({ reason, atMs: performance.now() }),
      },
    );
    onCleanup(() => this.link.close());
  }

  get texts(): string[] {
    return this.messages.map(({ text }) => text);
  }

  heard(text: string, withinMs = 5_000): Promise<unknown> {
    return eventually(
      () => this.texts,
      (texts) => texts.includes(text),
      { withinMs, what: `hearing ${text}` },
    );
  }

  ready(withinMs = 10_000): Promise<unknown> {
    return eventually(
      () => this.link.state,
      (state) => state === "ready",
      { withinMs, what: "the link being ready" },
    );
  }

  down(withinMs = 10_000): Promise<unknown> {
    return eventually(
      () => this.link.state,
      (state) => state === "down",
      { withinMs, what: "the link being down" },
    );
  }
}

/** Started, and ready. */
export async function startLink(
  urls: string | readonly string[],
  options: Partial<RedisOptions> = {},
): Promise<NotedLink> {
  const noted = new NotedLink(urls, options);
  await noted.link.start();
  await noted.ready();
  return noted;
}
