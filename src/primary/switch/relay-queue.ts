/**
 * When, and in which order, the switch relays what it has read. Runs in the primary; pure: it is told of polls and sees no
 * link. A sender's frames keep their order. Beyond that, a frame waits for one more poll of all links, so that each join
 * written before it has been applied; and when that poll has brought a command to join, until that one is relayed.
 */

export interface Item {
  readonly from: object;
  /** It makes sockets of other workers join. */
  readonly joins: boolean;
}

export class RelayQueue<T extends Item> {
  /** Read since the last poll but one, and before it. */
  #fresh: T[] = [];
  #settled: T[] = [];
  /** Settled, and waiting for the commands to join that were read since. No frame waits here twice. */
  #held: readonly T[] = [];
  #joinsFresh = false;
  #joinsSettled = false;

  get isEmpty(): boolean {
    return this.#fresh.length === 0 && this.#settled.length === 0;
  }

  push(item: T): void {
    this.#fresh.push(item);
    if (item.joins) this.#joinsFresh = true;
  }

  /** All links have been polled: what is to be relayed now, in order. */
  takeDue(): readonly T[] {
    const due = this.#due();
    this.#settled = this.#fresh;
    this.#joinsSettled = this.#joinsFresh;
    this.#fresh = [];
    this.#joinsFresh = false;
    return due;
  }

  #due(): readonly T[] {
    if (!this.#joinsFresh && !this.#joinsSettled) return this.#settled;
    const { first, rest } = joinsFirst(this.#held, this.#settled);
    this.#held = this.#joinsFresh ? rest : [];
    return this.#joinsFresh ? first : [...first, ...rest];
  }
}

/** First the commands to join, behind what their senders sent before them; then what has been held; the rest may wait. */
function joinsFirst<T extends Item>(held: readonly T[], settled: readonly T[]): { first: T[]; rest: T[] } {
  const lastJoin = new Map<object, number>();
  for (const [i, { from, joins }] of settled.entries()) if (joins) lastJoin.set(from, i);
  const isEarly = ({ from }: T, i: number) => i <= (lastJoin.get(from) ?? -1);
  const ofJoining = held.filter(({ from }) => lastJoin.has(from));
  const ofOthers = held.filter(({ from }) => !lastJoin.has(from));
  return {
    first: [...ofJoining, ...settled.filter(isEarly), ...ofOthers],
    rest: settled.filter((item, i) => !isEarly(item, i)),
  };
}
