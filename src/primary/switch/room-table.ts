/**
 * Which links have a member of which room, and which serve which namespace: all that the switch knows to send a frame
 * only where somebody will read it. Runs in the primary. Generic in the link: it compares links and never uses them.
 */
import type { RoomName } from "../../protocol/frame.js";

interface Namespace<L> {
  /** Links that are carrying out joins for others, with how many: they may have a member of any room by now. */
  readonly joining: Map<L, number>;
  /** Every link that serves the namespace, with the number of rooms in which it has a member. */
  readonly servers: Map<L, number>;
  /** Most rooms are a socket's own and live on one link: those take no Set. */
  readonly rooms: Map<RoomName, L | Set<L>>;
}

/** Is told what this host as a whole has begun or ceased to have. */
export interface HostObserver {
  /** How many links serve the namespace now. */
  onServers(namespace: string, servers: number): void;
  onRoom(namespace: string, room: RoomName, hasMember: boolean): void;
}

/** What the table holds for one link. */
interface Holding {
  rooms: number;
  nameLength: number;
}

export interface RoomLimits {
  readonly rooms: number;
  /** Of their names together. */
  readonly nameLength: number;
}

/** Of one link. They keep the primary's memory, and are far beyond what one worker has clients for. */
const LIMITS: RoomLimits = { rooms: 1_000_000, nameLength: 64 * 1024 * 1024 };

export class RoomTable<L extends object> {
  readonly #limits: RoomLimits;
  readonly #namespaces = new Map<string, Namespace<L>>();
  #observer: HostObserver | undefined;
  readonly #holdings = new Map<L, Holding>();
  #overflows = 0;

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  /** How often a link has had more rooms in a namespace than are kept for it. */
  get overflows(): number {
    return this.#overflows;
  }

  get sizes(): { readonly namespaces: number; readonly rooms: number } {
    let rooms = 0;
    for (const namespace of this.#namespaces.values()) rooms += namespace.rooms.size;
    return { namespaces: this.#namespaces.size, rooms };
  }

  /** To be called before there is anything to observe. */
  observe(observer: HostObserver): void {
    this.#observer = observer;
  }

  open(link: L, name: string): void {
    const namespace = this.#namespaces.get(name) ?? { joining: new Map(), servers: new Map(), rooms: new Map() };
    this.#namespaces.set(name, namespace);
    if (namespace.servers.has(link)) return;
    namespace.servers.set(link, 0);
    this.#observer?.onServers(name, namespace.servers.size);
  }

  shut(link: L, name: string): void {
    const namespace = this.#namespaces.get(name);
    if (!namespace?.servers.has(link)) return;
    if (namespace.servers.get(link) !== 0) this.leave(link, name, [...namespace.rooms.keys()]);
    namespace.servers.delete(link);
    namespace.joining.delete(link);
    if (namespace.servers.size === 0) this.#namespaces.delete(name);
    this.#observer?.onServers(name, namespace.servers.size);
  }

  join(link: L, name: string, rooms: readonly RoomName[]): void {
    this.open(link, name);
    const namespace = this.#namespaces.get(name) as Namespace<L>;
    for (const room of rooms) {
      if (this.#isFull(link)) return this.#overflow(namespace, link);
      const isNew = !namespace.rooms.has(room);
      if (add(namespace.rooms, room, link)) this.#count(namespace, link, room, 1);
      if (isNew) this.#observer?.onRoom(name, room, true);
    }
  }

  leave(link: L, name: string, rooms: readonly RoomName[]): void {
    const namespace = this.#namespaces.get(name);
    if (!namespace) return;
    for (const room of rooms) {
      if (!remove(namespace.rooms, room, link)) continue;
      this.#count(namespace, link, room, -1);
      if (!namespace.rooms.has(room)) this.#observer?.onRoom(name, room, false);
    }
  }

  /** The link was sent a command that will make sockets of its join. */
  expectJoins(link: L, name: string): void {
    const joining = this.#namespaces.get(name)?.joining;
    joining?.set(link, (joining.get(link) ?? 0) + 1);
  }

  /** It has carried out one such command. */
  joined(link: L, name: string): void {
    const joining = this.#namespaces.get(name)?.joining;
    const left = (joining?.get(link) ?? 1) - 1;
    if (left > 0) joining?.set(link, left);
    else joining?.delete(link);
  }

  /** Forgets a link that has ended. */
  drop(link: L): void {
    for (const name of [...this.#namespaces.keys()]) this.shut(link, name);
    this.#holdings.delete(link);
  }

  /** Every link but `except` that serves the namespace. */
  servers(name: string, except: L): L[] {
    return without(this.#namespaces.get(name)?.servers.keys() ?? [], except);
  }

  /** Every link but `except` that has a member of one of the rooms; of any room when none is named. */
  members(name: string, rooms: readonly RoomName[], except: L): L[] {
    const namespace = this.#namespaces.get(name);
    if (!namespace) return [];
    if (rooms.length === 0) return populated(namespace, except);
    if (rooms.length === 1 && namespace.joining.size === 0) {
      return without(links(namespace.rooms.get(rooms[0] as RoomName)), except);
    }
    const found = new Set<L>(namespace.joining.keys());
    for (const room of rooms) {
      for (const link of links(namespace.rooms.get(room))) found.add(link);
    }
    return without(found, except);
  }

  /** No more is kept: as long as it serves the namespace, the link gets all that is sent to any room of it. */
  #overflow(namespace: Namespace<L>, link: L): void {
    if (namespace.joining.get(link) !== Number.POSITIVE_INFINITY) this.#overflows++;
    namespace.joining.set(link, Number.POSITIVE_INFINITY);
    namespace.servers.set(link, Number.POSITIVE_INFINITY);
  }

  #isFull(link: L): boolean {
    const held = this.#holdings.get(link);
    return held !== undefined && (held.rooms >= this.#limits.rooms || held.nameLength >= this.#limits.nameLength);
  }

  #count(namespace: Namespace<L>, link: L, room: RoomName, by: 1 | -1): void {
    namespace.servers.set(link, (namespace.servers.get(link) ?? 0) + by);
    const held = this.#holdings.get(link) ?? { rooms: 0, nameLength: 0 };
    held.rooms += by;
    held.nameLength += by * String(room).length;
    this.#holdings.set(link, held);
  }
}

function populated<L extends object>(namespace: Namespace<L>, except: L): L[] {
  const found: L[] = [];
  for (const [link, rooms] of namespace.servers) {
    if ((rooms > 0 || namespace.joining.has(link)) && link !== except) found.push(link);
  }
  return found;
}

function links<L extends object>(held: L | Set<L> | undefined): Iterable<L> {
  if (held === undefined) return [];
  return held instanceof Set ? held : [held];
}

function without<L>(all: Iterable<L>, except: L): L[] {
  const kept: L[] = [];
  for (const link of all) {
    if (link !== except) kept.push(link);
  }
  return kept;
}

function add<L extends object>(rooms: Map<RoomName, L | Set<L>>, room: RoomName, link: L): boolean {
  const held = rooms.get(room);
  if (held === link) return false;
  if (held === undefined) rooms.set(room, link);
  else if (!(held instanceof Set)) rooms.set(room, new Set([held, link]));
  else if (held.has(link)) return false;
  else held.add(link);
  return true;
}

function remove<L extends object>(rooms: Map<RoomName, L | Set<L>>, room: RoomName, link: L): boolean {
  const held = rooms.get(room);
  if (held === link) return rooms.delete(room);
  if (!(held instanceof Set) || !held.delete(link)) return false;
  if (held.size === 1) rooms.set(room, held.values().next().value as L);
  return true;
}
