/**
 * One entry of a host's stream in Redis: what the host has sequenced since the one before, and how far it had got with it.
 *
 *     u8 version | count first | count sent | vector | u32 n, (name, count own, count changed)… | u32 n, entry…
 *
 * Entries are numbered from `first` on without a gap. Pure; what is read is checked whole before any of it is used.
 */
import { readContent } from "../../../protocol/content.js";
import { FrameBatch, FrameReader, ProtocolError } from "../../../protocol/frame.js";
import type { Change } from "../../../protocol/recovery-frame.js";
import type { Entry } from "../event-log.js";
import { readVector, type Vector, writeVector } from "./position-code.js";

export interface WorkerMark {
  /** Of its own events, the last one. */
  readonly own: number;
  /** What others had changed up to here is in the records of its sessions. */
  readonly changed: number;
}

export interface Batch {
  readonly first: number;
  /** Before the first, the last that was the host's own. */
  readonly sent: number;
  readonly entries: readonly Entry[];
  /** Up to where the host has heard others, with the last of the entries. */
  readonly vector: Vector;
  readonly workers: ReadonlyMap<string, WorkerMark>;
}

const VERSION = 1;
const HAS_ORIGIN = 1;
const HAD = 2;
const EVENT = 0;
const CHANGE = 1;
const LOST = 2;
const MAX_CHANGE = 2;

/** Of the host itself, and sent to the others. */
export function isSent({ origin, worker, what }: Entry): boolean {
  return origin === undefined && worker !== "" && what.kind !== "lost";
}

export function writeBatch({ first, sent, entries, vector, workers }: Batch): readonly Uint8Array[] {
  const into = new FrameBatch().byte(VERSION).count(first).count(sent);
  writeVector(into, vector);
  into.number(workers.size);
  for (const [name, { own, changed }] of workers) into.text(name).count(own).count(changed);
  into.number(entries.length);
  for (const entry of entries) writeEntry(into, entry);
  return into.take();
}

/** Throws ProtocolError. The entries' frames are parts of `bytes`. */
export function readBatch(bytes: Buffer): Batch {
  const read = new FrameReader(bytes, 0);
  const version = read.byte();
  if (version !== VERSION) throw new ProtocolError(`version ${version}`);
  const first = read.count();
  const sent = read.count();
  const vector = readVector(read);
  const workers = readWorkers(read);
  const entries: Entry[] = [];
  for (let left = read.number(); left > 0; left--) entries.push(readEntry(read, first + entries.length));
  if (read.at !== bytes.length) throw new ProtocolError("more than a batch");
  return { first, sent, entries, vector, workers };
}

function readWorkers(read: FrameReader): ReadonlyMap<string, WorkerMark> {
  const workers = new Map<string, WorkerMark>();
  for (let left = read.number(); left > 0; left--)
    workers.set(read.text(), { own: read.count(), changed: read.count() });
  return workers;
}

function writeEntry(into: FrameBatch, { worker, own, namespace, rooms, origin, had, what }: Entry): void {
  into.byte((origin ? HAS_ORIGIN : 0) | (had ? HAD : 0));
  if (origin) into.text(origin.host).count(origin.number);
  if (had) into.rooms(had);
  into.text(worker).count(own).text(namespace).rooms(rooms);
  if (what.kind === "event") into.byte(EVENT).sizedBytes(what.frame);
  else if (what.kind === "change") into.byte(CHANGE).byte(what.change).rooms(what.except).rooms(what.into);
  else into.byte(LOST);
}

function readEntry(read: FrameReader, shared: number): Entry {
  const flags = read.byte();
  const origin = flags & HAS_ORIGIN ? { host: read.text(), number: read.count() } : undefined;
  const had = flags & HAD ? read.rooms() : undefined;
  const place = { worker: read.text(), own: read.count(), shared };
  return { ...place, namespace: read.text(), rooms: read.rooms(), origin, had, what: readWhat(read) };
}

function readWhat(read: FrameReader): Entry["what"] {
  const kind = read.byte();
  switch (kind) {
    case EVENT:
      return { kind: "event", frame: checkedFrame(read.sizedBytes()) };
    case CHANGE: {
      const change = read.byte();
      if (change > MAX_CHANGE) throw new ProtocolError(`a change ${change}`);
      return { kind: "change", change: change as Change, except: read.rooms(), into: read.rooms() };
    }
    case LOST:
      return { kind: "lost" };
    default:
      throw new ProtocolError(`an entry of kind ${kind}`);
  }
}

/** It is read again when it is replayed, where an error would come too late. Its head says nothing, see `keep` in exchange.ts. */
function checkedFrame(frame: Buffer): Buffer {
  const read = new FrameReader(frame);
  const packedBytes = read.number();
  read.address();
  readContent(read, packedBytes);
  return frame;
}
