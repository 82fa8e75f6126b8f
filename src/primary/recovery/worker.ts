/** What recovery knows of a worker beside its sessions, and how the joins that it tells of are read. Runs in the primary. */
import { isPast, type Position } from "../../protocol/cursor.js";
import type { FrameReader, RoomName } from "../../protocol/frame.js";
import { RecoveryKind, readJoins } from "../../protocol/recovery-frame.js";
import type { WorkerMark } from "./across/batch.js";
import type { Entry } from "./event-log.js";
import type { WorkerEnd } from "./worker-end.js";

export interface Worker extends WorkerEnd {
  /** Its sessions can return; its events are numbered by itself. */
  on: boolean;
  /** Of its own events, the last one that was read. */
  own: number;
  /** All that others had changed up to here is in what it has told. */
  changed: number;
  /** The broadcast that comes next can be replayed. */
  numbered: boolean;
  /** What the command that comes next is about. It gets its number with that, so that who has the number has done it. */
  announced: Omit<Entry, "worker" | "own" | "shared"> | undefined;
  told: number;
  /** It waits for what it has written up to this mark to be safe; the last that it was told of. */
  marked: number;
  safe: number;
}

export function workerOf(end: WorkerEnd): Worker {
  return Object.assign(end, {
    on: false,
    own: 0,
    changed: 0,
    numbered: false,
    announced: undefined,
    told: 0,
    marked: 0,
    safe: 0,
  });
}

/** How far those are whose sessions can return. */
export function marksOf(workers: Iterable<Worker>): ReadonlyMap<string, WorkerMark> {
  const marks = new Map<string, WorkerMark>();
  for (const { on, name, own, changed } of workers) if (on) marks.set(name, { own, changed });
  return marks;
}

/** Their clients are shown nothing any more before it is on its way to Redis. */
export function answerMarks(workers: Iterable<Worker>): void {
  for (const worker of workers) {
    if (!worker.on) continue;
    worker.frame(RecoveryKind.answersMarks).end();
    worker.flush();
  }
}

/** What was read of them is on its way to Redis, or cannot be. */
export function tellSafe(workers: Iterable<Worker>): void {
  for (const worker of workers) {
    if (worker.safe === worker.marked) continue;
    worker.safe = worker.marked;
    worker.frame(RecoveryKind.safe).count(worker.safe).end();
    worker.flush();
  }
}

/** A first member in a room gets nothing that was relayed before the switch knew of it. */
export function join(rooms: Map<RoomName, Position>, read: FrameReader, at: Position, readAt: number): void {
  for (const { room, first } of readJoins(read)) {
    const place = first ? { ...at, shared: Math.max(at.shared, readAt) } : at;
    const before = rooms.get(room);
    if (!before || isPast(place, before)) rooms.set(room, place);
  }
}
