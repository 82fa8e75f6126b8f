/**
 * A session as its host keeps it in Redis: what another host needs to give it back. Positions are those of the host that
 * wrote it. Pure; what is read is checked whole.
 */
import type { Position } from "../../../protocol/cursor.js";
import { FrameBatch, FrameReader, ProtocolError, type RoomName } from "../../../protocol/frame.js";
import type { Session } from "../session.js";
import {
  readMaybe,
  readPosition,
  readVector,
  type Vector,
  writeMaybe,
  writePosition,
  writeVector,
} from "./position-code.js";

/** Its host has let go of it, and nothing that it sequences later is in what the session has had. */
export interface Release {
  readonly at: number;
  readonly vector: Vector;
}

export interface SessionRecord
  extends Pick<
    Session,
    | "id"
    | "namespace"
    | "parent"
    | "rooms"
    | "since"
    | "data"
    | "base"
    | "start"
    | "confirmed"
    | "offsetBefore"
    | "ahead"
  > {
  /** What the host's cursors begin with. */
  readonly epoch: string;
  /** Its worker. */
  readonly worker: string;
  /** Undefined: it is connected, as far as its host knew. Else how far its rooms reflect what the server did. */
  readonly state: Position | undefined;
  readonly release: Release | undefined;
}

const VERSION = 2;
/** More than data and rooms can take. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

export function writeRecord(record: SessionRecord): readonly Uint8Array[] {
  const into = new FrameBatch().byte(VERSION).text(record.epoch).text(record.id);
  into.text(record.namespace).text(record.parent).text(record.worker);
  writePosition(into, record.since);
  writePosition(into, record.start);
  writeMaybe(into, record.base);
  writeMaybe(into, record.confirmed);
  writeMaybe(into, record.state);
  into.text(record.offsetBefore);
  into.number(record.rooms.size);
  for (const [room, position] of record.rooms) writePosition(into.room(room), position);
  into.byte(record.release ? 1 : 0);
  if (record.release) writeVector(into.count(record.release.at), record.release.vector);
  writeVector(into, record.ahead);
  into.sizedBytes(record.data);
  return into.take();
}

/** Throws ProtocolError. */
export function readRecord(bytes: Buffer): SessionRecord {
  if (bytes.length > MAX_RECORD_BYTES) throw new ProtocolError(`a record of ${bytes.length} bytes`);
  const read = new FrameReader(bytes, 0);
  const version = read.byte();
  if (version !== VERSION) throw new ProtocolError(`version ${version}`);
  const record = {
    epoch: read.text(),
    id: read.text(),
    namespace: read.text(),
    parent: read.text(),
    worker: read.text(),
    since: readPosition(read),
    start: readPosition(read),
    base: readMaybe(read),
    confirmed: readMaybe(read),
    state: readMaybe(read),
    offsetBefore: read.text(),
    rooms: readRooms(read),
    release: read.byte() === 1 ? { at: read.count(), vector: readVector(read) } : undefined,
    ahead: readVector(read),
    data: read.sizedBytes(),
  };
  if (read.at !== bytes.length) throw new ProtocolError("more than a record");
  return record;
}

function readRooms(read: FrameReader): Map<RoomName, Position> {
  const rooms = new Map<RoomName, Position>();
  for (let left = read.number(); left > 0; left--) rooms.set(read.room(), readPosition(read));
  return rooms;
}
