/**
 * What was certainly sent while the client was certainly meant must be there. Between hosts it may be missing where they
 * were cut off from each other (docs/recovery.md), and then only if the host that missed it has told so.
 */
import { hostOf, type Target, type Violation } from "../entry.js";
import { areApart, type Chain, type Found, hostAt, hostsAbout, type Invocation, NEVER } from "../found.js";

export function checkLoss(chain: Chain, found: Found): Violation[] {
  const got = new Set(chain.received.map(({ entry }) => entry.id));
  const highest = new Map<string, number>();
  for (const { entry } of chain.received) {
    highest.set(entry.sender, Math.max(highest.get(entry.sender) ?? 0, entry.number));
  }
  const isComplete = chain.isOpen && found.quietAt !== NEVER;
  const membership = membershipOf(chain, found);
  const violations: Violation[] = [];
  for (const event of found.invocations.values()) {
    if (event.op.kind !== "emit" || event.okAt === NEVER || got.has(event.id)) continue;
    if (event.at <= chain.startAt || event.at >= chain.endAt) continue;
    const isPassed = (highest.get(event.sender as string) ?? -1) > event.number;
    if (!isPassed && (!isComplete || mayHaveEndedWithItsHost(event, chain, found))) continue;
    if (!isCertainlyFor(event, event.op.target, membership)) continue;
    if (isTold(event, chain, found)) continue;
    const text = `${event.id} (${event.sender} ${event.number}) to ${event.op.target.room ?? "everybody"} never came`;
    violations.push({ rule: "loss", client: chain.client, text, at: [event.at, event.okAt] });
  }
  return violations;
}

/** What the primary had not yet brought to other hosts when it was killed: the last of each of its workers. */
function mayHaveEndedWithItsHost(event: Invocation, chain: Chain, { ended }: Found): boolean {
  return areApart(event.sender, hostAt(chain, event.at)) && ended.has(hostOf(event.sender) as string);
}

/** It crossed from host to host while that was cut, and the host of the client has told of something missing since. */
function isTold(event: Invocation, chain: Chain, { cuts, gaps, ended }: Found): boolean {
  const during = cuts.filter(({ from, until }) => event.okAt > from && event.at < until);
  return hostsAbout(chain, event.okAt).some((host) => {
    if (host === undefined || !areApart(event.sender, host)) return false;
    // Who has been killed since can no longer be asked.
    return during.some((cut) => ended.has(host) || (gaps[host] ?? 0) > (cut.gaps[host] ?? 0));
  });
}

/** The joins and leaves that make the client of a chain a member. */
interface Membership {
  readonly chain: Chain;
  /** Its own in this chain. */
  readonly own: readonly Invocation[];
  readonly byOthers: readonly Invocation[];
  /** All rooms that it ever may have been in. */
  readonly possible: ReadonlySet<string>;
  readonly cuts: Found["cuts"];
}

function membershipOf(chain: Chain, { byClient, joinsOfOthers, cuts }: Found): Membership {
  const ever = (byClient.get(chain.client) ?? []).filter(({ op }) => op.kind === "join" || op.kind === "leave");
  const byOthers = joinsOfOthers.get(chain.client) ?? [];
  const possible = [...ever, ...byOthers].flatMap(({ op }) => ("room" in op && op.kind !== "leave" ? [op.room] : []));
  return { chain, own: ever.filter(isWithin(chain)), byOthers, possible: new Set(possible), cuts };
}

function isWithin({ startAt, endAt }: Chain): (invocation: Invocation) => boolean {
  return ({ at }) => at > startAt && at < endAt;
}

function isCertainlyFor(event: Invocation, { room, except }: Target, membership: Membership): boolean {
  if (room === "self") return event.client === membership.chain.client;
  if (except !== undefined && membership.possible.has(except)) return false;
  return room === undefined || isCertainlyIn(room, event, membership);
}

function isCertainlyIn(room: string, event: Invocation, membership: Membership): boolean {
  if (!membership.possible.has(room)) return false;
  const own = membership.own.filter(({ op }) => "room" in op && op.room === room);
  const leaves = own.filter(({ op }) => op.kind === "leave");
  const leftAt = Math.max(-1, ...leaves.map(({ at }) => at));
  const joined = own.some(({ op, at, okAt }) => op.kind === "join" && at > leftAt && okAt < event.at);
  // What it does itself is done in its order; between it and another, nobody knows before the answer.
  const hasLeftAt = Math.max(-1, ...leaves.map(({ okAt }) => okAt));
  return joined || isCertainlyJoinedByOther(room, event, hasLeftAt, membership);
}

/** The same worker had it joined before it sent: what a worker does is seen in the order of doing. */
function isCertainlyJoinedByOther(room: string, event: Invocation, leftAt: number, membership: Membership): boolean {
  const { chain, byOthers, cuts } = membership;
  return byOthers.some(
    ({ op, at, okAt, sender, number }) =>
      op.kind === "joinOther" &&
      op.room === room &&
      at > Math.max(leftAt, chain.startAt) &&
      at < chain.endAt &&
      okAt !== NEVER &&
      sender === event.sender &&
      number < event.number &&
      // A command that did not get to the other host has changed nothing there.
      (cuts.length === 0 || !areApart(sender, hostAt(chain, at))),
  );
}
