/**
 * How many connections there may be, on the host and from one client, and how fast they may come. Decides for the
 * acceptor before any worker is troubled. What names a session passes, because its client is in already; yet such an id
 * can be made up, so even those end at a few times the limit. Pure: the time is an argument.
 */
import { addressGroup, type Trust } from "../../protocol/network.js";
import { TokenBucket } from "../../protocol/token-bucket.js";

export interface AdmissionLimits {
  readonly maxConnections?: number;
  readonly maxConnectionsPerIp?: number;
  /** Connections without a session, in a second. */
  readonly connectRate?: number;
}

export type Excess = "connections" | "address" | "rate";

interface Tally {
  /** All that are open, also those that are still to say what they want, or were refused and linger. */
  open: number;
  admitted: number;
}

/** A session has at most three connections (a poll, a post, an upgrade), so honest clients stay below. */
const CEILING = 4;
/** For hosts with a low limit: connections that have not said anything yet. */
const CEILING_FROM = 64;
/** Past so many clients at once, the limit for each is not kept for further ones. */
const MAX_GROUPS = 131_072;

/** One connection as it is counted, from the moment it is accepted until it has closed, here or in a worker. */
export class Visit {
  readonly #tallies: Tallies;
  #own: Tally | undefined;
  #group: string | undefined;
  #state: "open" | "admitted" | "gone" = "open";
  #isElsewhere = false;

  constructor(tallies: Tallies) {
    this.#tallies = tallies;
    tallies.total.open++;
  }

  get tally(): Tally | undefined {
    return this.#own;
  }

  /** From now on it counts for its client, too. */
  belongTo(group: string): void {
    const own = this.#tallies.groups.get(group) ?? this.#tallies.create(group);
    if (!own) return;
    this.#own = own;
    this.#group = group;
    own.open++;
  }

  admit(): void {
    this.#state = "admitted";
    this.#tallies.total.admitted++;
    if (this.#own) this.#own.admitted++;
  }

  /** A worker has it now, and will tell when it has closed. False: it has closed already. */
  goOn(): boolean {
    if (this.#state === "gone") return false;
    this.#isElsewhere = true;
    return true;
  }

  /** It has closed in this process; that ends the visit, unless a worker has it. */
  leaveHere(): void {
    if (!this.#isElsewhere) this.leave();
  }

  /** It has closed; once is enough. */
  leave(): void {
    if (this.#state === "gone") return;
    this.#discount(this.#tallies.total);
    if (this.#own) this.#discount(this.#own);
    if (this.#own?.open === 0) this.#tallies.groups.delete(this.#group as string);
    this.#state = "gone";
  }

  #discount(tally: Tally): void {
    tally.open--;
    if (this.#state === "admitted") tally.admitted--;
  }
}

class Tallies {
  readonly total: Tally = { open: 0, admitted: 0 };
  readonly groups = new Map<string, Tally>();

  create(group: string): Tally | undefined {
    if (this.groups.size >= MAX_GROUPS) return undefined;
    const tally = { open: 0, admitted: 0 };
    this.groups.set(group, tally);
    return tally;
  }
}

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #isProxy: Trust;
  readonly #tallies = new Tallies();
  readonly #bucket: TokenBucket | undefined;
  readonly #refused: Record<Excess, number> = { connections: 0, address: 0, rate: 0 };

  /** `isProxy` tells the addresses behind which there are many clients: those have no limit of their own. */
  constructor(limits: AdmissionLimits, isProxy: Trust) {
    this.#limits = limits;
    this.#isProxy = isProxy;
    const { connectRate } = limits;
    this.#bucket = connectRate === undefined ? undefined : new TokenBucket(connectRate, Math.max(1, connectRate));
  }

  get refused(): Readonly<Record<Excess, number>> {
    return this.#refused;
  }

  /** Clients with a connection, as far as they are counted one by one. */
  get groups(): number {
    return this.#tallies.groups.size;
  }

  get open(): number {
    return this.#tallies.total.open;
  }

  /** A connection was accepted. */
  enter(): Visit {
    return new Visit(this.#tallies);
  }

  /** Whose it is has become known. Not undefined: that one has too many even to hear what this is for. */
  identify(visit: Visit, address: string | undefined): Excess | undefined {
    const { maxConnectionsPerIp } = this.#limits;
    if (maxConnectionsPerIp !== undefined && address !== undefined && !this.#isProxy(address)) {
      visit.belongTo(addressGroup(address));
    }
    const open = visit.tally?.open ?? 0;
    return maxConnectionsPerIp !== undefined && open > ceilingOf(maxConnectionsPerIp)
      ? this.#refuse("address")
      : undefined;
  }

  /** What it wants has become known. */
  judge(visit: Visit, hasSession: boolean, nowMs: number): Excess | undefined {
    const excess = hasSession ? this.#excessOfSessions() : this.#excessOf(visit, nowMs);
    if (excess) return this.#refuse(excess);
    visit.admit();
    return undefined;
  }

  /** Of what is admitted, not of what is open: silent connections of strangers must not keep out who is in. */
  #excessOfSessions(): Excess | undefined {
    const { maxConnections } = this.#limits;
    const isPast = maxConnections !== undefined && this.#tallies.total.admitted >= ceilingOf(maxConnections);
    return isPast ? "connections" : undefined;
  }

  #excessOf(visit: Visit, nowMs: number): Excess | undefined {
    const { maxConnections, maxConnectionsPerIp } = this.#limits;
    if (maxConnections !== undefined && this.#tallies.total.admitted >= maxConnections) return "connections";
    if (maxConnectionsPerIp !== undefined && (visit.tally?.admitted ?? 0) >= maxConnectionsPerIp) return "address";
    // Last, so that what is refused anyway takes nothing from those who are not.
    return this.#bucket && !this.#bucket.take(nowMs) ? "rate" : undefined;
  }

  #refuse(excess: Excess): Excess {
    this.#refused[excess]++;
    return excess;
  }
}

function ceilingOf(limit: number): number {
  return Math.max(CEILING * limit, limit + CEILING_FROM);
}
