/**
 * A worker's side of recovery: counts its events, tells the primary (src/primary/recovery/) of its sessions, and asks for
 * those of clients that return. What it writes here is in the kernel before any client byte of the same tick leaves, so
 * whatever a client has seen is known when this worker dies. Knows frames and positions, not namespaces.
 */
import { formatCursor, type Position } from "../../protocol/cursor.js";
import { type Address, FrameKind, FrameReader, kindOf, type RoomName } from "../../protocol/frame.js";
import {
  type Change,
  type Join,
  type JoinedAt,
  RecoveryKind,
  type Restored,
  readRestored,
} from "../../protocol/recovery-frame.js";
import type { Link } from "../link.js";

/** A connected socket whose client may return. */
export interface LiveSession {
  readonly number: number;
  readonly kept: KeptSocket;
}

/** What the book asks of a socket. */
export interface KeptSocket {
  /** The client is back elsewhere: close the connection, and have it said that the session is away. */
  fence(): void;
  /** Its data may have changed without anybody saying so. */
  compareData(): void;
}

export interface About {
  readonly namespace: string;
  /** As parent-namespace.ts names it; empty where there is none. */
  readonly parent: string;
  readonly pid: string;
  readonly id: string;
  /** With which the client came, of another session; empty: none. */
  readonly offset: string;
  readonly joins: readonly Join[];
}

export interface Asked {
  onAnswer(restored: Restored | undefined): void;
}

/** A session whose client has been let in, and what the server has made of its rooms since it was given back. */
export interface Returned {
  readonly request: number;
  readonly namespace: string;
  readonly left: readonly RoomName[];
  readonly joined: readonly JoinedAt[];
}

export interface BookIdentity {
  readonly epoch: string;
  readonly name: string;
}

/** All data is compared so often at the least, in so many shares. */
const SWEEP_MS = 1_000;
const SWEEP_SHARES = 10;

export class SessionBook {
  readonly #link: Link;
  readonly #epoch: string;
  readonly #name: string;
  readonly #live = new Map<number, LiveSession>();
  readonly #asked = new Map<number, Asked>();
  #own = 0;
  #shared = 0;
  /** Of the frame that comes next. */
  #next: number | undefined;
  #lastSession = 0;
  #sweepShare = 0;
  #lastRequest = 0;

  constructor(link: Link, { epoch, name }: BookIdentity) {
    this.#link = link;
    this.#epoch = epoch;
    this.#name = name;
  }

  /** To be called before the first client. */
  begin(windowMs: number): void {
    this.#link.gathers = true;
    this.#link.frame(RecoveryKind.on).count(windowMs).end();
    setInterval(() => this.#sweep(), SWEEP_MS / SWEEP_SHARES).unref();
  }

  /** A share of all, so that many sessions are not one long pause. */
  #sweep(): void {
    this.#sweepShare = (this.#sweepShare + 1) % SWEEP_SHARES;
    for (const { number, kept } of this.#live.values()) {
      if (number % SWEEP_SHARES === this.#sweepShare) kept.compareData();
    }
  }

  /** How far a client has got that has everything this worker has handled. */
  get position(): Position {
    return { worker: this.#name, own: this.#own, shared: this.#shared };
  }

  cursor(position: Position): string {
    return formatCursor(this.#epoch, position);
  }

  /** An event has been written that the primary keeps. */
  counted(): Position {
    this.#own++;
    return this.position;
  }

  /** An event could not be written: who would need it is not to be told that nothing is missing. */
  lost(address: Address): Position {
    this.#link.urgentFrame(RecoveryKind.lost).address(address).end();
    return this.counted();
  }

  changed(change: Change, address: Address, into: Iterable<RoomName>): Position {
    this.#link.urgentFrame(RecoveryKind.change).byte(change).address(address).rooms(into).end();
    return this.counted();
  }

  /** The broadcast or command that has come is about to be handled. */
  arrive(): void {
    if (this.#next === undefined) return;
    this.#shared = Math.max(this.#shared, this.#next);
    this.#next = undefined;
  }

  /** Whatever others have changed is done, and what came of it has been told. */
  tellChanged(): void {
    this.#link.urgentFrame(RecoveryKind.changed).count(this.#shared).end();
  }

  open(kept: KeptSocket, about: About): LiveSession {
    const session = this.#add(kept);
    const { own, shared } = this.position;
    const frame = this.#link.urgentFrame(RecoveryKind.open).number(session.number).text(about.namespace);
    frame.text(about.parent).text(about.pid).text(about.id).text(about.offset);
    frame.count(own).count(shared);
    writeJoins(frame, about.joins);
    return session;
  }

  join({ number }: LiveSession, { own, shared }: Position, joins: readonly Join[]): void {
    writeJoins(this.#link.urgentFrame(RecoveryKind.join).number(number).count(own).count(shared), joins);
  }

  leave({ number }: LiveSession, rooms: readonly RoomName[]): void {
    this.#link.urgentFrame(RecoveryKind.leave).number(number).rooms(rooms).end();
  }

  data({ number }: LiveSession, bytes: Buffer): void {
    this.#link.urgentFrame(RecoveryKind.data).number(number).bytes(bytes).end();
  }

  confirm({ number }: LiveSession, { own, shared }: Position): void {
    this.#link.frame(RecoveryKind.confirmed).number(number).count(own).count(shared).end();
  }

  away({ number }: LiveSession): void {
    if (!this.#live.delete(number)) return;
    this.#link.frame(RecoveryKind.away).number(number).count(this.#shared).end();
  }

  end({ number }: LiveSession): void {
    if (!this.#live.delete(number)) return;
    this.#link.urgentFrame(RecoveryKind.end).number(number).end();
  }

  /** Asks for a session; the answer covers what this worker has written before. */
  ask(namespace: string, pid: string, offset: string | undefined, asked: Asked): number {
    const request = ++this.#lastRequest;
    this.#asked.set(request, asked);
    const frame = this.#link.urgentFrame(RecoveryKind.restore).number(request).text(namespace).text(pid);
    if (offset === undefined) frame.byte(0).end();
    else frame.byte(1).text(offset).end();
    return request;
  }

  /** The client was not let in. */
  release(request: number, namespace: string): void {
    this.#link.frame(RecoveryKind.released).number(request).end();
    this.#link.urgentFrame(FrameKind.joined).text(namespace).end();
  }

  /** It was; its rooms have been told of as this worker's. One frame: a worker that dies has told all of it or nothing. */
  resume(returned: Returned, kept: KeptSocket): LiveSession {
    const { request, namespace, left, joined } = returned;
    const session = this.#add(kept);
    const frame = this.#link.urgentFrame(RecoveryKind.resumed).number(request).number(session.number).rooms(left);
    frame.number(joined.length);
    for (const { own, shared, room } of joined) frame.count(own).count(shared).room(room);
    frame.end();
    this.#link.urgentFrame(FrameKind.joined).text(namespace).end();
    return session;
  }

  onFrame(frame: Buffer): void {
    const read = new FrameReader(frame);
    switch (kindOf(frame)) {
      case RecoveryKind.number:
        this.#next = read.count();
        return;
      case RecoveryKind.reached:
        this.#shared = Math.max(this.#shared, read.count());
        return this.tellChanged();
      case RecoveryKind.answersMarks:
        return this.#link.answersMarks();
      case RecoveryKind.safe:
        return this.#link.becomeSafe(read.count());
      case RecoveryKind.fence:
        return this.#live.get(read.number())?.kept.fence();
      case RecoveryKind.restored:
        // It is looked at again when its client is let in; the link reads into its memory before.
        return this.#onRestored(new FrameReader(Buffer.from(frame)));
    }
  }

  #onRestored(read: FrameReader): void {
    const request = read.number();
    const asked = this.#asked.get(request);
    this.#asked.delete(request);
    const isFound = read.byte() === 1;
    if (!isFound) return asked?.onAnswer(undefined);
    const restored = readRestored(read);
    this.#shared = Math.max(this.#shared, restored.shared);
    asked?.onAnswer(restored);
  }

  #add(kept: KeptSocket): LiveSession {
    const number = ++this.#lastSession;
    const session = { number, kept };
    this.#live.set(number, session);
    return session;
  }
}

function writeJoins(frame: ReturnType<Link["frame"]>, joins: readonly Join[]): void {
  frame.number(joins.length);
  for (const { room, first } of joins) frame.byte(first ? 1 : 0).room(room);
  frame.end();
}
