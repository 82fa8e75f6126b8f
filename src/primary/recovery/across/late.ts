/**
 * What may come late: a session that came from another host has been given all that was in the hosts' streams, of which
 * some may still be on its way here. When it comes, it is for everybody but that session. Runs in the primary; pure, told
 * the time.
 */
import type { Origin } from "../event-log.js";
import type { Vector } from "./position-code.js";

interface Awaited {
  readonly id: string;
  readonly namespace: string;
  /** What each of these hosts sends up to there, it has. */
  readonly upTo: Map<string, number>;
  readonly untilMs: number;
}

/** Longer than anything waits for Redis (redis/backlog.ts). */
const AWAIT_MS = 60_000;
const MAX_AWAITED = 20_000;

export class Late {
  readonly #awaited = new Set<Awaited>();

  get isFull(): boolean {
    return this.#awaited.size >= MAX_AWAITED;
  }

  /**
   * `given`: up to where the session has what each host has sent; `heard`: up to where that has come here. Where the first
   * is further.
   */
  await(
    session: { readonly id: string; readonly namespace: string },
    given: Vector,
    heard: Vector,
    nowMs: number,
  ): Vector {
    const upTo = new Map([...given].filter(([host, number]) => number > (heard.get(host) ?? 0)));
    if (upTo.size > 0)
      this.#awaited.add({ id: session.id, namespace: session.namespace, upTo, untilMs: nowMs + AWAIT_MS });
    return new Map(upTo);
  }

  /** The ids of those who have it already. */
  exceptFor({ host, number }: Origin, namespace: string): string[] {
    if (this.#awaited.size === 0) return [];
    const ids: string[] = [];
    for (const awaited of this.#awaited) {
      const upTo = awaited.upTo.get(host) ?? 0;
      if (number <= upTo && awaited.namespace === namespace) ids.push(awaited.id);
      // A host's events come in its order.
      if (number >= upTo && awaited.upTo.delete(host) && awaited.upTo.size === 0) this.#awaited.delete(awaited);
    }
    return ids;
  }

  sweep(nowMs: number): void {
    for (const awaited of this.#awaited) {
      if (awaited.untilMs > nowMs) return;
      this.#awaited.delete(awaited);
    }
  }
}
