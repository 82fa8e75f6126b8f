/**
 * What has happened since a session's host has sequenced its last event for it: what that host itself had not heard of the
 * others when it let go or died, and what it has sequenced since. Pure.
 */
import type { Entry, EventLog, Origin } from "../event-log.js";
import type { Vector } from "./position-code.js";

/** Up to where events are in what the session's host had sequenced for it. */
export interface Bound {
  readonly owner: string;
  /** Of the owner's own numbers. */
  readonly at: number;
  /** How far it had heard each other host. */
  readonly vector: Vector;
  /** Where the session had more, given to it out of streams. */
  readonly ahead: Vector;
}

export interface OwnLog {
  readonly uid: string;
  readonly log: EventLog;
  /** The last number heard of each other host. */
  readonly heard: Vector;
}

/** Another host's log, whole past the bound. */
export interface OtherLog {
  readonly uid: string;
  readonly log: EventLog;
}

export interface Later {
  /** In order of each host, and, where they were heard here, of this host's log. */
  readonly entries: readonly Entry[];
  /** Of plain servers and emitters: perhaps the session's host had them, perhaps not. */
  readonly doubtful: readonly Entry[];
}

export function boundOf({ owner, at, vector, ahead }: Bound, host: string): number {
  return host === owner ? at : Math.max(vector.get(host) ?? 0, ahead.get(host) ?? 0);
}

export function laterThan(bound: Bound, own: OwnLog, others: readonly OtherLog[]): Later {
  const heard = heardLater(bound, own);
  const known = new Set(heard.entries.map((entry) => nameOf(originOf(entry, own.uid))));
  const unheard = new Map<string, Entry[]>();
  for (const { uid, log } of others) {
    const sent = [...log.from(boundOf(bound, uid) + 1)].filter((entry) => originOf(entry, uid)?.host === uid);
    const missing = sent.filter((entry) => !known.has(nameOf(originOf(entry, uid))));
    if (missing.length > 0) unheard.set(uid, missing);
  }
  return { entries: merged(heard.entries, unheard, own.uid), doubtful: heard.doubtful };
}

/** What was not heard here stands before what its host has sent later. */
function merged(heard: readonly Entry[], unheard: Map<string, Entry[]>, uid: string): Entry[] {
  if (unheard.size === 0) return [...heard];
  const entries: Entry[] = [];
  for (const entry of heard) {
    const origin = originOf(entry, uid);
    const missing = origin && unheard.get(origin.host);
    while (missing?.[0] && missing[0].shared < (origin as Origin).number) entries.push(missing.shift() as Entry);
    entries.push(entry);
  }
  return [...entries, ...[...unheard.values()].flat()];
}

/** Undefined: it came of a plain server, an emitter or a worker without recovery, which do not count. */
export function originOf({ origin, worker, shared }: Entry, logOf: string): Origin | undefined {
  return origin ?? (worker === "" ? undefined : { host: logOf, number: shared });
}

function heardLater(bound: Bound, { uid, log, heard }: OwnLog): Later {
  const entries: Entry[] = [];
  const doubtful: Entry[] = [];
  const last = new Map(heard).set(uid, log.last);
  const pending = new Set([...last].filter(([host, number]) => number > boundOf(bound, host)).map(([host]) => host));
  // Redis brings messages to all in one order: what came before one that the owner has heard, it has heard too.
  let isCertain = false;
  for (const entry of log.backwards()) {
    if (isCertain && pending.size === 0) break;
    const origin = originOf(entry, uid);
    if (!origin) {
      if (!isCertain && entry.what.kind !== "lost") doubtful.push(entry);
    } else if (origin.number > boundOf(bound, origin.host)) entries.push(entry);
    else {
      pending.delete(origin.host);
      isCertain ||= origin.host !== bound.owner && origin.number <= (bound.vector.get(origin.host) ?? 0);
    }
  }
  return { entries: entries.reverse(), doubtful };
}

function nameOf(origin: Origin | undefined): string {
  return origin ? `${origin.host} ${origin.number}` : "";
}
