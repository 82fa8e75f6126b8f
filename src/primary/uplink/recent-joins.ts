/**
 * In which namespaces sockets of other hosts have just been made to join: in sharded mode their hosts ask Redis for the room
 * only then, so for a while what is sent to a room goes to all hosts. Runs in the primary; pure.
 */

/** Other hosts take that long to have joined and subscribed, at most. */
const WHILE_MS = 2_000;

export class RecentJoins {
  readonly #untilMs = new Map<string, number>();

  add(namespace: string, nowMs: number): void {
    this.#untilMs.set(namespace, nowMs + WHILE_MS);
  }

  has(namespace: string, nowMs: number): boolean {
    if (this.#untilMs.size === 0) return false;
    return (this.#untilMs.get(namespace) ?? 0) > nowMs;
  }

  sweep(nowMs: number): void {
    for (const [namespace, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(namespace);
  }
}
