/**
 * Things that each wait for at most the same time, oldest first. Asked now and then what has waited too long, so a
 * thousand waiting connections need no timer of their own. Pure: the time is an argument.
 */

export class DeadlineQueue<T> {
  readonly #waitMs: number;
  /** A Map keeps the order of insertion, and what was added last has the latest deadline. */
  readonly #deadlines = new Map<T, number>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  get size(): number {
    return this.#deadlines.size;
  }

  add(item: T, nowMs: number): void {
    this.#deadlines.delete(item);
    this.#deadlines.set(item, nowMs + this.#waitMs);
  }

  delete(item: T): boolean {
    return this.#deadlines.delete(item);
  }

  /** Removes and returns what has waited its time. */
  expire(nowMs: number): T[] {
    const expired: T[] = [];
    for (const [item, deadline] of this.#deadlines) {
      if (deadline > nowMs) break;
      expired.push(item);
      this.#deadlines.delete(item);
    }
    return expired;
  }

  /** Removes and returns everything, oldest first. */
  clear(): T[] {
    const items = [...this.#deadlines.keys()];
    this.#deadlines.clear();
    return items;
  }
}
