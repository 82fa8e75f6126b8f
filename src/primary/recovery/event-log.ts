/**
 * The events that a client may have missed, in the order of the switch's sequence, bounded by time; who bounds the bytes
 * asks it to drop the oldest. It also knows, for each room, up to where events are gone, so that a client is refused exactly
 * when something it needs is no longer here. Runs in the primary; pure: it is told the time and reads no payload.
 */
import type { Place } from "../../protocol/cursor.js";
import type { RoomName } from "../../protocol/frame.js";
import type { Change } from "../../protocol/recovery-frame.js";
import { Lane } from "./lane.js";

/** What happened: an event, a change of rooms by the server, or an event that could not be sent. */
export interface Entry extends Place {
  readonly namespace: string;
  /** Empty: everybody in the namespace. */
  readonly rooms: readonly RoomName[];
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
const MAX_IDLE_LANES = 32_768;

export class EventLog {
  readonly #all = new Lane<Kept>();
  readonly #namespaces = new Map<string, Map<LaneKey, Lane<Entry>>>();
  /** Lanes without an entry, which are there for what they know to be gone; the one idle for longest first. */
  readonly #idle = new Map<Lane<Entry>, { readonly namespace: string; readonly key: LaneKey }>();
  /** Events of any room may be gone up to here. */
  #floor = 0;
  #bytes = 0;
  #last = 0;

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

  /** Its number in the sequence: `shared` of the entry that is kept. */
  append(entry: Omit<Entry, "shared">, nowMs: number): number {
    const kept = { ...entry, shared: ++this.#last };
    const bytes = sizeOf(kept);
    this.#all.push({ entry: kept, atMs: nowMs, bytes });
    this.#bytes += bytes;
    for (const key of keysOf(kept)) this.#lane(kept.namespace, key).push(kept);
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

  /** Up to which number something that was addressed to the room, or to everybody, may be gone. */
  goneTo(namespace: string, room?: RoomName): number {
    return this.#find(namespace, room ?? EVERYBODY)?.goneTo ?? this.#floor;
  }

  /** As `goneTo`, for changes. */
  changesGoneTo(namespace: string): number {
    return this.#find(namespace, CHANGES)?.goneTo ?? this.#floor;
  }

  /** Past that number, everything addressed to everybody or to one of the rooms, in order. */
  since(shared: number, namespace: string, rooms: Iterable<RoomName>): Entry[] {
    const found = new Map<number, Entry>();
    for (const key of [EVERYBODY, ...rooms] as const) {
      for (const entry of this.#find(namespace, key)?.from(isAfter(shared)) ?? []) found.set(entry.shared, entry);
    }
    return [...found.values()].sort((a, b) => a.shared - b.shared);
  }

  changesSince(shared: number, namespace: string): Entry[] {
    return [...(this.#find(namespace, CHANGES)?.from(isAfter(shared)) ?? [])];
  }

  #find(namespace: string, key: LaneKey): Lane<Entry> | undefined {
    return this.#namespaces.get(namespace)?.get(key);
  }

  #lane(namespace: string, key: LaneKey): Lane<Entry> {
    const lanes = this.#namespaces.get(namespace) ?? new Map<LaneKey, Lane<Entry>>();
    this.#namespaces.set(namespace, lanes);
    const lane = lanes.get(key) ?? new Lane<Entry>(this.#floor);
    lanes.set(key, lane);
    this.#idle.delete(lane);
    return lane;
  }

  #dropFirst(entry: Entry, key: LaneKey): void {
    const lane = this.#find(entry.namespace, key);
    if (!lane) return;
    lane.shift();
    lane.goneTo = entry.shared;
    if (lane.length > 0) return;
    this.#idle.set(lane, { namespace: entry.namespace, key });
    if (this.#idle.size > MAX_IDLE_LANES) this.#forgetIdlest();
  }

  /** From here on, what was gone of that room may be gone of any. */
  #forgetIdlest(): void {
    const [lane, { namespace, key }] = this.#idle.entries().next().value as [
      Lane<Entry>,
      { namespace: string; key: LaneKey },
    ];
    this.#floor = Math.max(this.#floor, lane.goneTo);
    this.#idle.delete(lane);
    const lanes = this.#namespaces.get(namespace);
    lanes?.delete(key);
    if (lanes?.size === 0) this.#namespaces.delete(namespace);
  }
}

function isAfter(shared: number): (entry: Entry) => boolean {
  return (entry) => entry.shared > shared;
}

function keysOf({ what, rooms }: Pick<Entry, "what" | "rooms">): Iterable<LaneKey> {
  if (what.kind === "change") return [CHANGES];
  return rooms.length === 0 ? [EVERYBODY] : new Set(rooms);
}

function sizeOf({ what, rooms }: Entry): number {
  const more = what.kind === "change" ? what.except.length + what.into.length : 0;
  return ENTRY_BYTES + ROOM_BYTES * (rooms.length + more) + (what.kind === "event" ? what.frame.length : 0);
}
