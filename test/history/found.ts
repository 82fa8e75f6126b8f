/** What the rules look at: the entries of a history put together by event, by client and by session. */
import { type Entry, type Gaps, hostOf, type Operation } from "./entry.js";

export interface Placed<T extends Entry["type"]> {
  readonly at: number;
  readonly entry: Extract<Entry, { type: T }>;
}

export interface Invocation {
  readonly at: number;
  readonly client: string;
  readonly id: string;
  readonly op: Operation;
  readonly okAt: number;
  readonly sender: string | undefined;
  readonly number: number;
}

/** A client's connections between two sessions that were not recovered. */
export interface Chain {
  readonly client: string;
  readonly startAt: number;
  endAt: number;
  isOpen: boolean;
  /** The boots that served it, each from a place on, until its connection was closed. */
  readonly hosts: { readonly from: number; until: number; readonly host: string | undefined }[];
  readonly received: Placed<"receive">[];
  readonly states: Placed<"state">[];
}

/** A time in which hosts may not have heard each other, and what each had told until then. */
export interface Cut {
  readonly from: number;
  readonly until: number;
  readonly gaps: Gaps;
}

export interface Found {
  readonly invocations: ReadonlyMap<string, Invocation>;
  readonly byClient: ReadonlyMap<string, readonly Invocation[]>;
  readonly joinsOfOthers: ReadonlyMap<string, readonly Invocation[]>;
  readonly chains: readonly Chain[];
  readonly cuts: readonly Cut[];
  /** Boots that were killed. */
  readonly ended: ReadonlySet<string>;
  /** What each boot had told in the end. */
  readonly gaps: Gaps;
  readonly quietAt: number;
}

export const NEVER = Number.POSITIVE_INFINITY;

export function gather(history: readonly Entry[]): Found {
  const quietAt = history.findIndex(({ type }) => type === "quiet");
  const quiet = history[quietAt];
  return {
    ...operationsOf(history),
    chains: chainsOf(history),
    cuts: cutsOf(history),
    ended: new Set(history.flatMap((entry) => (entry.type === "ended" ? [entry.host] : []))),
    gaps: (quiet?.type === "quiet" && quiet.gaps) || {},
    quietAt: quietAt < 0 ? NEVER : quietAt,
  };
}

export function hostAt({ hosts }: Chain, at: number): string | undefined {
  return hosts.findLast(({ from }) => from <= at)?.host ?? hosts[0]?.host;
}

/** Where its session may have been: while it was away, with the boot that it came to next, too. */
export function hostsAbout({ hosts }: Chain, at: number): readonly (string | undefined)[] {
  const index = Math.max(
    0,
    hosts.findLastIndex(({ from }) => from <= at),
  );
  const next = hosts[index + 1];
  return next && (hosts[index]?.until ?? NEVER) < at ? [hosts[index]?.host, next.host] : [hosts[index]?.host];
}

/** Whether the two boots are certainly not the same. */
export function areApart(sender: string | undefined, host: string | undefined): boolean {
  const of = hostOf(sender);
  return of !== undefined && host !== undefined && of !== host;
}

function operationsOf(history: readonly Entry[]): Pick<Found, "invocations" | "byClient" | "joinsOfOthers"> {
  const answers = new Map<string, Placed<"ok">>();
  for (const [at, entry] of history.entries()) if (entry.type === "ok") answers.set(entry.id, { at, entry });
  const invocations = new Map<string, Invocation>();
  const byClient = new Map<string, Invocation[]>();
  const joinsOfOthers = new Map<string, Invocation[]>();
  for (const [at, entry] of history.entries()) {
    if (entry.type !== "invoke") continue;
    const { id, client, op } = entry;
    const ok = answers.get(id);
    const answer = { okAt: ok?.at ?? NEVER, sender: ok?.entry.sender, number: ok?.entry.number ?? 0 };
    const invocation = { at, client, id, op, ...answer };
    invocations.set(id, invocation);
    append(byClient, client, invocation);
    if (op.kind === "joinOther") append(joinsOfOthers, op.other, invocation);
  }
  return { invocations, byClient, joinsOfOthers };
}

function chainsOf(history: readonly Entry[]): Chain[] {
  const chains: Chain[] = [];
  const current = new Map<string, Chain>();
  for (const [at, entry] of history.entries()) {
    if (entry.type === "connect") {
      const served = { from: at, until: NEVER, host: entry.host };
      const before = current.get(entry.client);
      if (before && entry.recovered) {
        before.isOpen = true;
        before.hosts.push(served);
        continue;
      }
      if (before) Object.assign(before, { endAt: at, isOpen: false });
      const ends = { startAt: at, endAt: NEVER, isOpen: true };
      const chain: Chain = { client: entry.client, ...ends, hosts: [served], received: [], states: [] };
      current.set(entry.client, chain);
      chains.push(chain);
    } else if (entry.type === "receive") current.get(entry.client)?.received.push({ at, entry });
    else if (entry.type === "state") current.get(entry.client)?.states.push({ at, entry });
    else if (entry.type === "close") {
      const chain = current.get(entry.client);
      const last = chain?.hosts.at(-1);
      if (chain) chain.isOpen = false;
      if (last) last.until = Math.min(last.until, at);
    }
  }
  return chains;
}

/** One that begins within another is part of it. */
function cutsOf(history: readonly Entry[]): Cut[] {
  const cuts: Cut[] = [];
  let begun: { from: number; gaps: Gaps } | undefined;
  for (const [at, entry] of history.entries()) {
    if (entry.type === "cut") begun ??= { from: at, gaps: entry.gaps };
    if (entry.type !== "mended" || !begun) continue;
    cuts.push({ ...begun, until: at });
    begun = undefined;
  }
  if (begun) cuts.push({ ...begun, until: NEVER });
  return cuts;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}
