/**
 * When, and in which order, the switch relays what it has read. Runs in the primary; pure: it is told of polls and sees no
 * link. A sender's frames keep their order. Beyond that, a frame waits for one more poll of all links, so that each join
 * written before it has been applied; and when that poll has brought a command to join, until that one is relayed. Commands to
 * join go in the order in which they were said: one may be addressed to those whom another has made members.
 */

const NEVER = Number.POSITIVE_INFINITY;

export interface Item {
  readonly from: object;
  /** It makes sockets of other workers join. */
  readonly joins: boolean;
  /** When it was said, if it joins; of each sender in order. */
  readonly atUs: number;
}

export class RelayQueue<T extends Item> {
  /** Read since the last poll but one, and before it. */
  #fresh: T[] = [];
  #settled: T[] = [];
  /** Settled, and waiting for the commands to join that were read since. No frame waits here twice. */
  #held: readonly T[] = [];
  /** Of the fresh commands to join, the one that was said first; if there is none, never. */
  #joinsFreshAtUs = NEVER;
  #joinsSettled = false;

  get isEmpty(): boolean {
    return this.#fresh.length === 0 && this.#settled.length === 0;
  }

  push(item: T): void {
    this.#fresh.push(item);
    if (item.joins) this.#joinsFreshAtUs = Math.min(this.#joinsFreshAtUs, item.atUs);
  }

  /** All links have been polled: what is to be relayed now, in order. */
  takeDue(): readonly T[] {
    const due = this.#due();
    this.#settled = this.#fresh;
    this.#joinsSettled = this.#joinsFreshAtUs !== NEVER;
    this.#fresh = [];
    this.#joinsFreshAtUs = NEVER;
    return due;
  }

  #due(): readonly T[] {
    const isAnyFresh = this.#joinsFreshAtUs !== NEVER;
    if (!isAnyFresh && !this.#joinsSettled) return this.#settled;
    const { first, rest } = joinsFirst(this.#held, this.#settled, this.#joinsFreshAtUs);
    this.#held = isAnyFresh ? rest : [];
    return isAnyFresh ? first : [...first, ...rest];
  }
}

/**
 * First the commands to join, behind what their senders sent before them, but for those that were said after one that is to
 * come; then what has been held; the rest may wait.
 */
function joinsFirst<T extends Item>(
  held: readonly T[],
  settled: readonly T[],
  untilUs: number,
): { first: T[]; rest: T[] } {
  const all = [...held, ...settled];
  const isHeld = (i: number) => i < held.length;
  /** With whose command to join a frame goes, as when that was said. */
  const goesAtUs = new Map<T, number>();
  const nextOf = new Map<object, number>();
  for (let i = all.length - 1; i >= 0; i--) {
    const item = all[i] as T;
    if (item.joins && (isHeld(i) || item.atUs <= untilUs)) nextOf.set(item.from, item.atUs);
    const atUs = nextOf.get(item.from);
    if (atUs !== undefined) goesAtUs.set(item, atUs);
  }
  const early = all.filter((item) => goesAtUs.has(item));
  early.sort((a, b) => (goesAtUs.get(a) as number) - (goesAtUs.get(b) as number));
  const isLate = (item: T) => !goesAtUs.has(item);
  return { first: [...early, ...held.filter(isLate)], rest: settled.filter(isLate) };
}
