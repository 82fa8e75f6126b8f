/** Two hosts that one Redis joins and that talk all the time, whatever a test does to that Redis. */
import { expect } from "vitest";
import { clientOn, type Socket } from "./client.js";
import type { Holdfast } from "./holdfast.js";
import { startHosts } from "./hosts.js";
import { type RedisServer, startRedis } from "./redis.js";
import { isInOrder, startTalk, type Talk, upTo } from "./talk.js";

/** In which hosts are to be back once Redis is. */
export const BACK_MS = 5_000;

export interface TalkingHosts {
  readonly redis: RedisServer;
  readonly hosts: [Holdfast, Holdfast];
  readonly talk: Talk;
  readonly speaker: Socket;
  /** A client of the other host. */
  readonly far: Socket;
  /**
   * Ends the talk when it crosses again. On the speaker's host nothing was lost; over its border what came is in order and
   * once. Says how much was sent, and how much came across.
   */
  conclude(): Promise<{ sent: number; crossed: number }>;
}

export async function startTalkingHosts(everyMs?: number): Promise<TalkingHosts> {
  const redis = await startRedis();
  const hosts = await startHosts({ redis: redis.url });
  const [speaker, near, far] = [await clientOn(hosts[0], 0), await clientOn(hosts[0], 1), await clientOn(hosts[1], 1)];
  const talk = startTalk(speaker, [near, far], everyMs);
  await talk.reaches(far);
  const conclude = async () => {
    await talk.reaches(far, BACK_MS);
    const sent = await talk.stop();
    for (const listener of [near, far]) await talk.heardLast(listener);
    expect(talk.heard(near)).toEqual(upTo(sent));
    const crossed = talk.heard(far);
    expect(isInOrder(crossed)).toBe(true);
    for (const host of hosts) expect((await host.status()).state).toBe("ready");
    return { sent, crossed: crossed.length };
  };
  return { redis, hosts, talk, speaker, far, conclude };
}
