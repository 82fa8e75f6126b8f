/**
 * Keeps this host hearing what other hosts send to a room for as long as a client of its last member may come back: the
 * member may be away, and what is sent meanwhile is to be there when it returns. Runs in the primary; pure, told the time.
 */
import type { RoomName } from "../../protocol/frame.js";
import type { HostObserver } from "./room-table.js";

/** What it asks of who keeps sessions. */
export interface Lingerer {
  /** How long a client may be away; 0 while none can come back. */
  readonly windowMs: number;
  /** What other hosts send to the room is no longer heard here. */
  unheard(namespace: string, room: RoomName): void;
}

/** More rooms than this without a member are not heard for the sake of who may return. */
const MAX_ROOMS = 20_000;

export class Lingering implements HostObserver {
  readonly #observer: HostObserver;
  readonly #lingerer: Lingerer;
  /** Until when, each the longest without a member first. */
  readonly #rooms = new Map<string, Map<RoomName, number>>();
  readonly #namespaces = new Map<string, number>();
  #size = 0;

  constructor(observer: HostObserver, lingerer: Lingerer) {
    this.#observer = observer;
    this.#lingerer = lingerer;
  }

  onServers(namespace: string, servers: number): void {
    const { windowMs } = this.#lingerer;
    if (servers === 0 && windowMs > 0) this.#namespaces.set(namespace, performance.now() + windowMs);
    else {
      this.#namespaces.delete(namespace);
      this.#observer.onServers(namespace, servers);
    }
  }

  onRoom(namespace: string, room: RoomName, hasMember: boolean): void {
    if (hasMember) return this.#enter(namespace, room);
    const { windowMs } = this.#lingerer;
    if (windowMs > 0 && this.#size < MAX_ROOMS) return this.#linger(namespace, room, performance.now() + windowMs);
    if (windowMs > 0) this.#lingerer.unheard(namespace, room);
    this.#observer.onRoom(namespace, room, false);
  }

  sweep(nowMs: number): void {
    for (const [namespace, rooms] of this.#rooms) {
      for (const [room, untilMs] of rooms) {
        if (untilMs > nowMs) break;
        this.#forget(namespace, room);
        this.#observer.onRoom(namespace, room, false);
      }
    }
    for (const [namespace, untilMs] of this.#namespaces) {
      if (untilMs > nowMs) continue;
      this.#namespaces.delete(namespace);
      this.#observer.onServers(namespace, 0);
    }
  }

  #enter(namespace: string, room: RoomName): void {
    if (!this.#forget(namespace, room)) this.#observer.onRoom(namespace, room, true);
  }

  #linger(namespace: string, room: RoomName, untilMs: number): void {
    const rooms = this.#rooms.get(namespace) ?? new Map<RoomName, number>();
    this.#rooms.set(namespace, rooms.set(room, untilMs));
    this.#size++;
  }

  #forget(namespace: string, room: RoomName): boolean {
    const rooms = this.#rooms.get(namespace);
    if (!rooms?.delete(room)) return false;
    this.#size--;
    if (rooms.size === 0) this.#rooms.delete(namespace);
    return true;
  }
}
