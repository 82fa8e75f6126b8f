/**
 * What a session that returns has missed: the events in log order that were for it, and its rooms as the server has changed
 * them meanwhile. Pure. On any doubt it answers why the session cannot be given back.
 */
import { isPast, type Position } from "../../protocol/cursor.js";
import { FrameReader, type RoomName } from "../../protocol/frame.js";
import { Change, type Replayed } from "../../protocol/recovery-frame.js";
import type { Entry, EventLog } from "./event-log.js";
import type { Refusal, Session } from "./session.js";

export interface Missed {
  readonly rooms: Map<RoomName, Position>;
  readonly events: readonly Replayed[];
  readonly bytes: number;
}

/** More for one client than this is not replayed. */
export const MAX_REPLAY_BYTES = 16 * 1024 * 1024;

type Membership = Pick<Session, "id" | "namespace" | "parent" | "rooms" | "since">;

/** `position` is how far the client has got, `state` how far its rooms are known to reflect what the server did. */
export function missedBy(
  session: Membership,
  position: Position,
  state: Position,
  log: EventLog,
  exceptOf: (frame: Buffer) => readonly RoomName[] = readExcept,
): Missed | Refusal {
  const { namespace } = session;
  const changes = log.changesSince(state.shared, namespace).filter((entry) => isPast(entry, state));
  if (log.isChangeGone(namespace, state)) return "gone";
  const rooms = new Map(session.rooms);
  const ever = roomsEver(session, changes);
  const namespaces = session.parent ? [namespace, session.parent] : [namespace];
  if (namespaces.some((name) => isAnyGone(name, session, position, ever, log))) return "gone";
  const sent = namespaces.flatMap((name) => log.since(position.shared, name, ever));
  const entries = [...sent, ...changes].sort((a, b) => a.shared - b.shared);
  const events: Replayed[] = [];
  let bytes = 0;
  let own = position.own;
  for (const entry of entries) {
    if (entry.had?.includes(session.id)) continue;
    if (entry.what.kind === "change") {
      if (!isAddressed(entry, entry.what.except, session, rooms)) continue;
      if (entry.what.change === Change.disconnect) return "ended";
      change(rooms, entry, entry.what.change, entry.what.into);
      continue;
    }
    if (!isPast(entry, position)) continue;
    const except = entry.what.kind === "event" ? exceptOf(entry.what.frame) : [];
    if (!isAddressed(entry, except, session, rooms)) continue;
    if (entry.what.kind === "lost") return "lost";
    if (entry.worker === position.worker) own = Math.max(own, entry.own);
    bytes += entry.what.frame.length;
    if (bytes > MAX_REPLAY_BYTES) return "too-much";
    events.push({ own, shared: entry.shared, frame: entry.what.frame });
  }
  return { rooms, events, bytes };
}

/** Those of the session, and any that it was made to join while it was away. */
function roomsEver({ rooms }: Membership, changes: readonly Entry[]): Set<RoomName> {
  const ever = new Set(rooms.keys());
  for (const { what } of changes) {
    if (what.kind === "change" && what.change === Change.join) for (const room of what.into) ever.add(room);
  }
  return ever;
}

function isAnyGone(
  namespace: string,
  { rooms, since }: Membership,
  position: Position,
  ever: Set<RoomName>,
  log: EventLog,
): boolean {
  if (log.isGone(namespace, undefined, position, since)) return true;
  // What came before a change that has yet to be applied is not gone: that change is still here, and so is all behind it.
  for (const room of ever) {
    const joined = rooms.get(room);
    if (joined && log.isGone(namespace, room, position, joined)) return true;
  }
  return false;
}

function isAddressed(
  entry: Entry,
  except: readonly RoomName[],
  { since }: Membership,
  rooms: ReadonlyMap<RoomName, Position>,
): boolean {
  const isIn = (room: RoomName) => {
    const joined = rooms.get(room);
    return joined !== undefined && isPast(entry, joined);
  };
  const isNamed = entry.rooms.length === 0 ? isPast(entry, since) : entry.rooms.some(isIn);
  return isNamed && !except.some(isIn);
}

function change(rooms: Map<RoomName, Position>, place: Position, what: Change, into: readonly RoomName[]): void {
  for (const room of into) {
    if (what === Change.leave) rooms.delete(room);
    else if (!rooms.has(room)) rooms.set(room, place);
  }
}

function readExcept(frame: Buffer): readonly RoomName[] {
  const read = new FrameReader(frame);
  // How much of it was packed for other hosts.
  read.number();
  return read.address().except;
}
