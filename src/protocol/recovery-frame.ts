/**
 * The frames of recovery on a link, beside those of frame.ts: what a worker tells of its sessions and numbers its events
 * with, and what it is told when one of them returns. Sent only where recovery is on. Events themselves travel as
 * broadcasts do.
 */
import type { FrameReader, RoomName } from "./frame.js";

export const RecoveryKind = {
  /** Worker: `count windowMs`; its sessions can return. */
  on: 30,
  /** Worker: nothing; the broadcast behind it is numbered and can be replayed. */
  numbered: 31,
  /** Switch: `count shared`; the number of the broadcast or command behind it. */
  number: 32,
  /**
   * Worker: `u8 change | address | rooms`; it made the sockets addressed join or leave, or disconnected them. Numbered. The
   * command behind it has others do the same.
   */
  change: 33,
  /** Worker: `count shared`; it has got all up to here, and has told what came of it. Answers `reached`. */
  changed: 34,
  /** Worker: `address`; an event to these could not be sent and is lost to whoever is away. Numbered. */
  lost: 35,
  /** Switch: `count shared`; all up to here has been sent to this worker. */
  reached: 36,
  /**
   * Worker: a broadcast's frame; an event to a parent namespace, to be kept for the sessions of its children. Numbered. The
   * command behind it has others deliver it.
   */
  kept: 37,
  /** Uplink: `text uid | count number`; the broadcast or command behind it has that number in that host's sequence. */
  origin: 38,
  /** Worker: `count mark`; it waits until what it has written before is where it outlives the host. */
  mark: 39,
  /** Worker: `u32 session | namespace | parent's or "" | pid | id | offset or "" | count own | count shared | joins`. */
  open: 40,
  /** Worker: `u32 session | count own | count shared | joins`. */
  join: 41,
  /** Worker: `u32 session | rooms`. */
  leave: 42,
  /** Worker: `u32 session | data`; socket.data as codec.ts writes it; nothing where it is empty. */
  data: 43,
  /** Worker: `u32 session | count own | count shared`; the client has certainly got everything up to here. */
  confirmed: 44,
  /** Worker: `u32 session | count shared`; its connection is gone and the client may return. As `changed`. */
  away: 45,
  /** Worker: `u32 session`; it was disconnected on purpose. */
  end: 46,
  /** Switch: `u32 session`; its client is back elsewhere: close what is left of it, and say `away`. */
  fence: 47,
  /** Worker: `u32 request | namespace | pid | u8 hasOffset | offset`. */
  restore: 48,
  /** Switch: `u32 request | u8 found | …`, see `Restored`; answers `restore`. */
  restored: 49,
  /**
   * Worker: `u32 request | u32 session | rooms left | u32 n | n × (count own, count shared, room)`; the client has been let
   * in, and this is what the server has changed since the answer.
   */
  resumed: 50,
  /** Worker: `u32 request`; the client was not let in, or has gone again. */
  released: 51,
  /** Switch: `count mark`; it is there. */
  safe: 52,
  /** Switch: nothing; from now on marks are answered. */
  answersMarks: 53,
} as const;

export type RecoveryKind = (typeof RecoveryKind)[keyof typeof RecoveryKind];

export function isRecoveryKind(kind: number): kind is RecoveryKind {
  return kind >= RecoveryKind.on && kind <= RecoveryKind.released;
}

export const Change = { join: 0, leave: 1, disconnect: 2 } as const;
export type Change = (typeof Change)[keyof typeof Change];

/**
 * A room as a session joined it. `first`: nobody else on that worker was in it, so it was sent nothing to that room before
 * the switch had read of the join.
 */
export interface Join {
  readonly room: RoomName;
  readonly first: boolean;
}

export function readJoins(read: FrameReader): Join[] {
  const joins: Join[] = [];
  for (let count = read.number(); count > 0; count--) joins.push({ first: read.byte() === 1, room: read.room() });
  return joins;
}

/** A room that it was made to join, and since when. */
export interface JoinedAt {
  readonly room: RoomName;
  readonly own: number;
  readonly shared: number;
}

export function readJoinedAt(read: FrameReader): JoinedAt[] {
  const joined: JoinedAt[] = [];
  for (let count = read.number(); count > 0; count--) {
    joined.push({ own: read.count(), shared: read.count(), room: read.room() });
  }
  return joined;
}

/** An event to replay: the cursor's numbers once the client has it, and the frame that had carried it. */
export interface Replayed {
  readonly own: number;
  readonly shared: number;
  readonly frame: Buffer;
}

/** A session as it is given back. */
export interface Restored {
  readonly id: string;
  readonly data: Buffer;
  readonly rooms: readonly RoomName[];
  /** What the answer covers: of the asking worker's own events, and of the switch's sequence. */
  readonly own: number;
  readonly shared: number;
  /** Whose counter the cursors of the replayed events name. */
  readonly worker: string;
  readonly events: readonly Replayed[];
}

export function readRestored(read: FrameReader): Restored {
  return {
    id: read.text(),
    data: read.sizedBytes(),
    rooms: read.rooms(),
    own: read.count(),
    shared: read.count(),
    worker: read.text(),
    events: readEvents(read),
  };
}

function readEvents(read: FrameReader): Replayed[] {
  const events: Replayed[] = [];
  for (let count = read.number(); count > 0; count--) {
    events.push({ own: read.count(), shared: read.count(), frame: read.sizedBytes() });
  }
  return events;
}
