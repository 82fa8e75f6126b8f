/**
 * A client that wants its session back, from its CONNECT until it is let in: what the primary answers, and what happens to
 * the session meanwhile, in order. Own events since the question are kept from the start, those of others come behind the
 * answer; what the answer covers is dropped. Bounded in time and bytes; past either, the client gets a new session.
 */
import { furthest, type Position } from "../../protocol/cursor.js";
import type { RoomName } from "../../protocol/frame.js";
import { Change, type Restored } from "../../protocol/recovery-frame.js";
import type { EventPart } from "../event.js";
import type { SessionBook } from "./session-book.js";

export interface Addressed {
  readonly rooms: ReadonlySet<RoomName>;
  readonly except: ReadonlySet<RoomName>;
}

export interface PassingEvent extends Addressed {
  readonly kind: "event";
  readonly parts: readonly EventPart[];
  readonly flags: number;
  readonly at: Position;
}

export interface PassingChange extends Addressed {
  readonly kind: "change";
  readonly change: Change;
  readonly into: readonly RoomName[];
  readonly at: Position;
}

export type Passing = PassingEvent | PassingChange;

export interface ReturningEvents {
  /** Once: the session, or nothing. */
  onOutcome(restored: Restored | undefined): void;
  /** It had been given back, and cannot be any more: the connection is to be closed, so that the client tries again. */
  onLost(): void;
}

/** A little longer than the primary takes at most. */
const ANSWER_WITHIN_MS = 5_000;
/** An app's middlewares may ask others; a client waits 45 s to be let in anywhere. */
const LET_IN_WITHIN_MS = 40_000;
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

export class Returning {
  readonly namespace: string;
  readonly #book: SessionBook;
  readonly #events: ReturningEvents;
  readonly request: number;
  /** Before the answer. */
  #candidates: Passing[] = [];
  #bytes = 0;
  #restored: Restored | undefined;
  #deadline: NodeJS.Timeout;
  #isOver = false;
  readonly events: PassingEvent[] = [];
  /** Since when it is in rooms that it was made to join meanwhile. */
  readonly joined = new Map<RoomName, Position>();
  #rooms = new Set<RoomName>();

  constructor(
    book: SessionBook,
    asked: { readonly namespace: string; readonly pid: string; readonly offset: string | undefined },
    events: ReturningEvents,
  ) {
    this.#book = book;
    this.#events = events;
    this.namespace = asked.namespace;
    this.#deadline = setTimeout(() => this.giveUp(), ANSWER_WITHIN_MS);
    this.request = book.ask(asked.namespace, asked.pid, asked.offset, {
      onAnswer: (restored) => this.#onAnswer(restored),
    });
  }

  get restored(): Restored | undefined {
    return this.#restored;
  }

  get rooms(): ReadonlySet<RoomName> {
    return this.#rooms;
  }

  /** Everything that this worker sends or gets in the namespace. */
  pass(passing: Passing, isOwn: boolean): void {
    if (this.#isOver) return;
    if (this.#restored) this.#take(passing);
    // Of others, the answer covers what comes before it.
    else if (isOwn) this.#candidates.push(passing);
    if (passing.kind === "event") this.#bytes += sizeOf(passing.parts);
    if (this.#bytes > MAX_WAITING_BYTES) this.giveUp();
  }

  leave(room: RoomName): void {
    this.#rooms.delete(room);
    this.joined.delete(room);
  }

  /** It takes too long or too much, or the client is gone. */
  giveUp(): void {
    if (this.#isOver) return;
    if (!this.#restored) {
      this.#end();
      return this.#events.onOutcome(undefined);
    }
    this.refuse();
    this.#events.onLost();
  }

  /** A middleware has not let the client in; the session is there for the next who asks. */
  refuse(): void {
    if (this.#isOver) return;
    this.#end();
    this.#book.release(this.request, this.namespace);
  }

  /** The client has been let in: nothing more passes here. */
  finish(): Restored | undefined {
    if (this.#isOver) return undefined;
    this.#end();
    return this.#restored;
  }

  /** Never less than what the answer has covered. */
  positionOf({ at }: PassingEvent): Position {
    const { own, shared } = this.#restored as Restored;
    return furthest(at, { worker: at.worker, own, shared });
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#deadline);
    this.#candidates = [];
  }

  #onAnswer(restored: Restored | undefined): void {
    if (this.#isOver) {
      if (restored) this.#book.release(this.request, this.namespace);
      return;
    }
    if (!restored) {
      this.#end();
      return this.#events.onOutcome(undefined);
    }
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.giveUp(), LET_IN_WITHIN_MS);
    this.#restored = restored;
    this.#rooms = new Set(restored.rooms);
    this.#bytes = 0;
    const since = this.#candidates.filter(({ at }) => at.own > restored.own);
    this.#candidates = [];
    for (const passing of since) this.#take(passing);
    if (!this.#isOver) this.#events.onOutcome(restored);
  }

  #take(passing: Passing): void {
    if (!this.#isAddressed(passing)) return;
    if (passing.kind === "event") this.events.push(passing);
    else if (passing.change === Change.disconnect) this.#onDisconnected();
    else if (passing.change === Change.leave) for (const room of passing.into) this.leave(room);
    else for (const room of passing.into) this.#join(room, passing.at);
  }

  #join(room: RoomName, at: Position): void {
    if (this.#rooms.has(room)) return;
    this.#rooms.add(room);
    this.joined.set(room, at);
  }

  /** The server has disconnected it on purpose while it was on its way back. */
  #onDisconnected(): void {
    this.giveUp();
  }

  #isAddressed({ rooms, except }: Addressed): boolean {
    const isNamed = rooms.size === 0 || intersects(rooms, this.#rooms);
    return isNamed && !intersects(except, this.#rooms);
  }
}

function intersects(a: ReadonlySet<RoomName>, b: ReadonlySet<RoomName>): boolean {
  for (const room of a) if (b.has(room)) return true;
  return false;
}

function sizeOf(parts: readonly EventPart[]): number {
  return parts.reduce((sum, part) => sum + (typeof part === "string" ? part.length : part.byteLength), 100);
}
