/**
 * What is kept of a socket outside its worker, from its connect on: who it is, where it is a member and since when, its
 * data, and how far its client has certainly got. Pure.
 */
import { furthest, type Position, parseCursor, reaches } from "../../protocol/cursor.js";
import type { RoomName } from "../../protocol/frame.js";

/** A worker, to whom only its name matters here. */
export interface Holder {
  readonly name: string;
}

export interface Session<H extends Holder = Holder> {
  readonly pid: string;
  readonly id: string;
  readonly namespace: string;
  /** What its events to all children go under; empty where there is none. */
  readonly parent: string;
  /** Where its current or last connection is, and under which number that worker knows it. */
  holder: H;
  number: number;
  /** Since when each room, as a position: nothing earlier is for this session. */
  rooms: Map<RoomName, Position>;
  readonly since: Position;
  data: Buffer;
  /**
   * What the client had when it was last given back; replayed events carry cursors that go on from here. Undefined: it came
   * from another host and missed something there, so that it has either got all of that or has to be a new one.
   */
  base: Position | undefined;
  /** Where live events began on its current worker. */
  start: Position;
  /** The client has answered a ping that was sent behind all up to here. */
  confirmed: Position | undefined;
  /**
   * The offset that its client had when it began, or was last given back: of a session before, or of another host. The client
   * says it again while it has had no event since. Empty: none.
   */
  offsetBefore: string;
  /** When it was last given back; undefined: never. */
  resumedAtMs: number | undefined;
  /** It came from another host, and was given out of others' streams what had not been heard here: up to where, of each. */
  readonly ahead: ReadonlyMap<string, number>;
  /** Undefined: it is connected. */
  away: { readonly sinceMs: number; readonly state: Position } | undefined;
}

/** Why a session is not given back; each is counted by its name. */
export const REFUSALS = [
  "unknown",
  "expired",
  "taken",
  "ended",
  "cursor",
  "gone",
  "lost",
  "too-much",
  "timeout",
  /** Between hosts: Redis or the host that has it cannot be asked. */
  "unreachable",
  /** A plain server or an emitter has sent something of which nobody knows whether the session's host had it. */
  "outside",
  /** It had come from another host and was cut off again before it had all that it had missed there. */
  "broken-off",
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** What has been read of each worker, so that a cursor beyond it is known to be forged. */
export interface Progress {
  readonly epoch: string;
  readonly shared: number;
  ownOf(worker: string): number;
}

/** The cursor is of another host, or another boot, and not the one with which the client came: it may have been elsewhere since. */
export function isForeign(
  offset: string | undefined,
  { offsetBefore }: Pick<Session, "offsetBefore">,
  epoch: string,
): boolean {
  const told = offset === undefined ? undefined : parseCursor(offset);
  return told !== undefined && told.epoch !== epoch && offset !== offsetBefore;
}

/**
 * How far the client has got, at least. Its own word counts only where it can be of this session: a client that has had no
 * event since a failed recovery sends an older one, and one that had none ever sends nothing.
 */
export function positionOf(
  session: Pick<Session, "confirmed" | "base" | "start" | "offsetBefore">,
  offset: string | undefined,
  progress: Progress,
): Position | "cursor" | "broken-off" | "taken" {
  const known = session.confirmed ?? session.base ?? "broken-off";
  if (offset === undefined) return known;
  const told = parseCursor(offset);
  if (!told) return "cursor";
  if (isForeign(offset, session, progress.epoch)) return "taken";
  if (told.epoch !== progress.epoch) return known;
  if (told.own > progress.ownOf(told.worker) || told.shared > progress.shared) return "cursor";
  const { confirmed, base, start } = session;
  if (reaches(told, start)) return furthest(told, confirmed ?? start);
  // In the midst of what was replayed to it, unless it has since confirmed all of that.
  if (!confirmed && base && told.worker === base.worker) return furthest(told, base);
  return known;
}
