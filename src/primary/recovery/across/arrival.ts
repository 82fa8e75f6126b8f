/**
 * What a session of another host has missed: first what that host had sequenced, as it would have given it back itself,
 * then what has happened since. Pure.
 */
import type { Position } from "../../../protocol/cursor.js";
import type { RoomName } from "../../../protocol/frame.js";
import type { Replayed } from "../../../protocol/recovery-frame.js";
import { type Entry, EventLog } from "../event-log.js";
import { MAX_REPLAY_BYTES, missedBy } from "../missed.js";
import { positionOf, type Refusal } from "../session.js";
import { type Bound, laterThan, type OtherLog, type OwnLog } from "./later.js";
import type { WorkerMark } from "./batch.js";
import type { SessionRecord } from "./record.js";

export interface Elsewhere {
  readonly bound: Bound;
  readonly record: SessionRecord;
  readonly offset: string | undefined;
  /** The owner's, whole from `neededFrom` on. */
  readonly log: EventLog;
  readonly workers: ReadonlyMap<string, WorkerMark>;
  readonly others: readonly OtherLog[];
  readonly own: OwnLog;
}

export interface Arrived {
  readonly rooms: readonly RoomName[];
  readonly events: readonly Replayed[];
}

/** No worker has this name. */
const NOBODY = "-";

/** Up to where its rooms are known to reflect what the server did. */
export function stateOf(record: SessionRecord, workers: ReadonlyMap<string, WorkerMark>): Position | undefined {
  if (record.state) return record.state;
  const mark = workers.get(record.worker);
  return mark && { worker: record.worker, own: mark.own, shared: mark.changed };
}

export function arrive({ bound, record, offset, log, workers, others, own }: Elsewhere): Arrived | Refusal {
  const state = stateOf(record, workers);
  const ownOf = (worker: string) => workers.get(worker)?.own ?? Number.POSITIVE_INFINITY;
  const position = positionOf(record, offset, { epoch: record.epoch, shared: bound.at, ownOf });
  if (typeof position === "string") return position;
  if (!state || Math.min(position.shared, state.shared) < log.floor) return "gone";
  const before = missedBy(record, position, state, upTo(log, bound.at));
  if (typeof before === "string") return before;
  const later = laterThan(bound, own, others);
  const names = namespacesOf(record);
  const end = { worker: NOBODY, own: 0, shared: bound.at };
  const session = { ...record, rooms: before.rooms, since: end };
  const isOurs = ({ namespace }: Entry) => names.includes(namespace);
  if (isAnyFor(session, end, later.doubtful.filter(isOurs))) return "outside";
  const after = missedBy(session, end, end, logOf(bound.at, later.entries.filter(isOurs)));
  if (typeof after === "string") return after;
  if (before.bytes + after.bytes > MAX_REPLAY_BYTES) return "too-much";
  return { rooms: [...after.rooms.keys()], events: [...before.events, ...after.events] };
}

function namespacesOf({ namespace, parent }: SessionRecord): readonly string[] {
  return parent ? [namespace, parent] : [namespace];
}

/** What the owner has sequenced after it let go is among what is later. */
function upTo(log: EventLog, last: number): EventLog {
  if (log.last <= last) return log;
  const cut = new EventLog(log.floor);
  for (const entry of log.from(log.floor + 1)) {
    if (entry.shared > last) break;
    cut.append(entry, 0);
  }
  return cut;
}

/**
 * Numbered on from there, as of nobody whom the session's client can name. What had been given to it here, when it was not
 * let in or went on to another host, is among them only if it is past what it has got since.
 */
function logOf(last: number, entries: readonly Entry[]): EventLog {
  const log = new EventLog(last);
  for (const entry of entries) log.append({ ...entry, had: undefined, worker: "", own: log.last + 1 }, 0);
  return log;
}

function isAnyFor(session: Parameters<typeof missedBy>[0], end: Position, entries: readonly Entry[]): boolean {
  if (entries.length === 0) return false;
  const missed = missedBy(session, end, end, logOf(end.shared, [...entries].reverse()));
  return typeof missed === "string" || missed.events.length > 0 || missed.rooms.size !== session.rooms.size;
}
