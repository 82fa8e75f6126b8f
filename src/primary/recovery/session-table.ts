/**
 * The sessions of this host's sockets, connected or away. A worker names its own by numbers; a number that no longer stands
 * for a session is one that has been given to another worker, so what the old one still says of it changes nothing.
 * Runs in the primary; pure: it is told the time.
 */
import type { Position } from "../../protocol/cursor.js";
import type { Holder, Session } from "./session.js";

/** A session beside its data and its rooms. */
const SESSION_BYTES = 700;
const ROOM_BYTES = 150;

export class SessionTable<H extends Holder> {
  /** Something of it has changed, or it is new. */
  onChange: (session: Session<H>) => void = () => {};
  onRemove: (session: Session<H>) => void = () => {};

  readonly #byPid = new Map<string, Session<H>>();
  readonly #connected = new Map<H, Map<number, Session<H>>>();
  /** Those away the longest first. */
  readonly #away = new Set<Session<H>>();
  #bytes = 0;

  get size(): number {
    return this.#byPid.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  all(): Iterable<Session<H>> {
    return this.#byPid.values();
  }

  find(pid: string): Session<H> | undefined {
    return this.#byPid.get(pid);
  }

  /** That a worker knows under this number; undefined when it has it no longer. */
  of(holder: H, number: number): Session<H> | undefined {
    return this.#connected.get(holder)?.get(number);
  }

  connectedTo(holder: H): Session<H>[] {
    return [...(this.#connected.get(holder)?.values() ?? [])];
  }

  add(session: Session<H>): void {
    const before = this.#byPid.get(session.pid);
    if (before) this.remove(before);
    this.#byPid.set(session.pid, session);
    this.#bytes += sizeOf(session);
    this.#connect(session);
    this.onChange(session);
  }

  /** It has come back to this worker. */
  resume(session: Session<H>, holder: H, number: number): void {
    this.#away.delete(session);
    session.away = undefined;
    session.holder = holder;
    session.number = number;
    this.#connect(session);
    this.onChange(session);
  }

  leave(session: Session<H>, state: Position, sinceMs: number): void {
    this.#disconnect(session);
    session.away = { sinceMs, state };
    this.#away.add(session);
    this.onChange(session);
  }

  remove(session: Session<H>): void {
    if (this.#byPid.get(session.pid) !== session) return;
    this.#byPid.delete(session.pid);
    this.#away.delete(session);
    this.#disconnect(session);
    this.#bytes -= sizeOf(session);
    this.onRemove(session);
  }

  /** Whatever changes the rooms or the data of a session does so here, so that the bytes are counted. */
  change(session: Session<H>, apply: () => void): void {
    this.#bytes -= sizeOf(session);
    apply();
    this.#bytes += sizeOf(session);
    this.onChange(session);
  }

  awaySince(beforeMs: number): Session<H>[] {
    const found: Session<H>[] = [];
    for (const session of this.#away) {
      if ((session.away?.sinceMs ?? 0) >= beforeMs) break;
      found.push(session);
    }
    return found;
  }

  get longestAway(): Session<H> | undefined {
    return this.#away.values().next().value;
  }

  #connect(session: Session<H>): void {
    const numbers = this.#connected.get(session.holder) ?? new Map<number, Session<H>>();
    this.#connected.set(session.holder, numbers);
    numbers.set(session.number, session);
  }

  #disconnect({ holder, number }: Session<H>): void {
    const numbers = this.#connected.get(holder);
    numbers?.delete(number);
    if (numbers?.size === 0) this.#connected.delete(holder);
  }
}

function sizeOf({ data, rooms }: Session): number {
  return SESSION_BYTES + data.length + ROOM_BYTES * rooms.size;
}
