/**
 * The events that a client may have missed, in the order of the switch's sequence, bounded by time; who bounds the bytes
 * asks it to drop the oldest. It also knows, for each room, up to where events are gone, so that a client is refused exactly
 * when something it needs is no longer here. Runs in the primary; pure: it is told the time and reads no payload.
 */
import type { Place, Position } from "../../protocol/cursor.js";
import type { RoomName } from "../../protocol/frame.js";
import type { Change } from "../../protocol/recovery-frame.js";
import { Gone } from "./gone.js";
import { Lane } from "./lane.js";

/** Where an entry that came from another host stands in that host's sequence. */
export interface Origin {
  readonly host: string;
  readonly number: number;
}

/** What happened: an event, a change of rooms by the server, or an event that could not be sent. */
export interface Entry extends Place {
  readonly namespace: string;
  /** Empty: everybody in the namespace. */
  readonly rooms: readonly RoomName[];
  /** Undefined: of this host, or of a plain server or an emitter. */
  readonly origin?: Origin | undefined;
  /** The ids of those who had been given it, out of its host's stream, before it came. */
  readonly had?: readonly RoomName[] | undefined;
  readonly what:
    | { readonly kind: "event"; readonly frame: Buffer }
    | {
        readonly kind: "change";
        readonly change: Change;
        readonly except: readonly RoomName[];
        readonly into: readonly RoomName[];
      }
    | { readonly kind: "lost" };
}

/** What was addressed to one room, or to everybody. */
interface Addressed {
  readonly entries: Lane<Entry>;
  readonly gone: Gone;
}

interface Kept {
  readonly entry: Entry;
  readonly atMs: number;
  readonly bytes: number;
}

/** Changes and the events that were lost are asked for whoever they were addressed to. */
const CHANGES = Symbol("changes");
const EVERYBODY = Symbol("everybody");
type LaneKey = RoomName | typeof CHANGES | typeof EVERYBODY;

/** An entry beside its frame: itself, its place in the lanes. */
const ENTRY_BYTES = 400;
const ROOM_BYTES = 64;
/** Rooms without an event in the log are remembered up to this many. */
const MAX_IDLE = 32_768;

export class EventLog {
  readonly #all = new Lane<Kept>();
  readonly #namespaces = new Map<string, Map<LaneKey, Addressed>>();
  /** Those without an entry, which are there for what they know to be gone; the one idle for longest first. */
  readonly #idle = new Map<Addressed, { readonly namespace: string; readonly key: LaneKey }>();
  /** Events of any room may be gone up to here. */
  #floor: number;
  #bytes = 0;
  #last: number;

  /** `last`: what is up to there is not here. */
  constructor(last = 0) {
    this.#floor = last;
    this.#last = last;
  }

  /** The number of the last entry. */
  get last(): number {
    return this.#last;
  }

  get entries(): number {
    return this.#all.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Events of any room may be gone up to here. */
  get floor(): number {
    return this.#floor;
  }

  /** The number of the first entry, and one more than the last where there is none. */
  get first(): number {
    return this.#all.first?.entry.shared ?? this.#last + 1;
  }

  /** From that number on, in order. */
  *from(number: number): Generator<Entry> {
    for (const { entry } of this.#all.from((kept) => kept.entry.shared >= number)) yield entry;
  }

  /** From the last one back. */
  *backwards(): Generator<Entry> {
    for (const { entry } of this.#all.backwards()) yield entry;
  }

  /** Its number in the sequence: `shared` of the entry that is kept. */
  append(entry: Omit<Entry, "shared">, nowMs: number): number {
    const kept = { ...entry, shared: ++this.#last };
    const bytes = sizeOf(kept);
    this.#all.push({ entry: kept, atMs: nowMs, bytes });
    this.#bytes += bytes;
    for (const key of keysOf(kept)) this.#addressed(kept.namespace, key).entries.push(kept);
    return kept.shared;
  }

  /** Nothing from before now can be given to anybody: what was between is not known. */
  breakOff(): void {
    while (this.dropOldest());
    this.#floor = ++this.#last;
    this.#namespaces.clear();
    this.#idle.clear();
  }

  dropOlderThan(atMs: number): void {
    for (let oldest = this.#all.first; oldest && oldest.atMs < atMs; oldest = this.#all.first) this.dropOldest();
  }

  dropOldest(): boolean {
    const kept = this.#all.shift();
    if (!kept) return false;
    this.#bytes -= kept.bytes;
    for (const key of keysOf(kept.entry)) this.#dropFirst(kept.entry, key);
    return true;
  }

  /** Whether something is gone that was addressed to the room, or to everybody, and is past all of these. */
  isGone(namespace: string, room: RoomName | undefined, ...positions: readonly Position[]): boolean {
    return this.#isGone(namespace, room ?? EVERYBODY, positions);
  }

  /** As `isGone`, for changes. */
  isChangeGone(namespace: string, position: Position): boolean {
    return this.#isGone(namespace, CHANGES, [position]);
  }

  /** Past that number, everything addressed to everybody or to one of the rooms, in order. */
  since(shared: number, namespace: string, rooms: Iterable<RoomName>): Entry[] {
    const found = new Map<number, Entry>();
    for (const key of [EVERYBODY, ...rooms] as const) {
      for (const entry of this.#find(namespace, key)?.entries.from(isAfter(shared)) ?? [])
        found.set(entry.shared, entry);
    }
    return [...found.values()].sort((a, b) => a.shared - b.shared);
  }

  changesSince(shared: number, namespace: string): Entry[] {
    return [...(this.#find(namespace, CHANGES)?.entries.from(isAfter(shared)) ?? [])];
  }

  #isGone(namespace: string, key: LaneKey, positions: readonly Position[]): boolean {
    const gone = this.#find(namespace, key)?.gone ?? new Gone(this.#floor);
    return gone.isAnyPast(...positions);
  }

  #find(namespace: string, key: LaneKey): Addressed | undefined {
    return this.#namespaces.get(namespace)?.get(key);
  }

  #addressed(namespace: string, key: LaneKey): Addressed {
    const all = this.#namespaces.get(namespace) ?? new Map<LaneKey, Addressed>();
    this.#namespaces.set(namespace, all);
    const addressed = all.get(key) ?? { entries: new Lane<Entry>(), gone: new Gone(this.#floor) };
    all.set(key, addressed);
    this.#idle.delete(addressed);
    return addressed;
  }

  #dropFirst(entry: Entry, key: LaneKey): void {
    const addressed = this.#find(entry.namespace, key);
    if (!addressed) return;
    addressed.entries.shift();
    addressed.gone.add(entry);
    if (addressed.entries.length > 0) return;
    this.#idle.set(addressed, { namespace: entry.namespace, key });
    if (this.#idle.size > MAX_IDLE) this.#forgetIdlest();
  }

  /** From here on, what was gone of that room may be gone of any. */
  #forgetIdlest(): void {
    const [idlest] = this.#idle;
    if (!idlest) return;
    const [addressed, { namespace, key }] = idlest;
    this.#floor = Math.max(this.#floor, addressed.gone.shared);
    this.#idle.delete(addressed);
    const all = this.#namespaces.get(namespace);
    all?.delete(key);
    if (all?.size === 0) this.#namespaces.delete(namespace);
  }
}

function isAfter(shared: number): (entry: Entry) => boolean {
  return (entry) => entry.shared > shared;
}

function keysOf({ what, rooms }: Pick<Entry, "what" | "rooms">): Iterable<LaneKey> {
  if (what.kind === "change") return [CHANGES];
  return rooms.length === 0 ? [EVERYBODY] : new Set(rooms);
}

function sizeOf({ what, rooms, had = [] }: Entry): number {
  const more = what.kind === "change" ? what.except.length + what.into.length : 0;
  return (
    ENTRY_BYTES + ROOM_BYTES * (rooms.length + had.length + more) + (what.kind === "event" ? what.frame.length : 0)
  );
}
