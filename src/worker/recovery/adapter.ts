/**
 * The adapter of a worker where recovery is on: every event gets a cursor behind its arguments and is kept by the primary
 * if it can be replayed, sessions are told of as they change, and clients that return get theirs back. One per namespace.
 */
import { type Namespace, Socket } from "socket.io";
import { Adapter, type BroadcastOptions, type Room, type SocketId } from "socket.io-adapter";
import type { Position } from "../../protocol/cursor.js";
import { type Address, type DecodedAddress, FrameReader, type RoomName } from "../../protocol/frame.js";
import { Change, type Restored } from "../../protocol/recovery-frame.js";
import { SwitchedAdapter } from "../adapter.js";
import type { Command } from "../adapter-remote.js";
import { decode } from "../codec.js";
import {
  createDecoderOf,
  type DecoderLike,
  type OnceEncoder,
  type Packet,
  packFlags,
  RemoteEvent,
  readEventParts,
  toEventParts,
  unpackFlags,
} from "../event.js";
import type { EventPart, Exchange } from "../exchange.js";
import { Kept, type ServerSocket } from "./kept.js";
import { markText } from "./marked.js";
import { type Passing, Returning } from "./returning.js";
import type { SessionBook } from "./session-book.js";

export interface RecoveryParts {
  readonly book: SessionBook;
  /** Socket.IO's own parser is used, so an encoded event is text that can be added to. */
  readonly isOwnText: boolean;
  /** What the events of a parent namespace are kept under; empty where the namespace has none. */
  parentOf(namespace: Namespace): string;
  onProblem(error: Error): void;
}

interface Client {
  readonly conn: ServerSocket["client"]["conn"] & { readonly protocol: number };
  readonly request?: { readonly _query?: { readonly recovery?: string } };
}

interface Auth {
  readonly pid?: unknown;
  readonly offset?: unknown;
}

interface PreviousSession {
  readonly sid: string;
  readonly pid: string;
  readonly rooms: [];
  readonly data: unknown;
  readonly missedPackets: [];
}

type CreateSocket = (client: Client, auth: Auth) => Promise<ServerSocket>;
type MakeSocket = new (namespace: Namespace, client: Client, auth: Auth, session?: PreviousSession) => ServerSocket;

/** An event in the form in which it is written to clients. */
interface Written {
  readonly parts: readonly unknown[];
  readonly options: object;
}

const EVENT = 2;
const KEPT = Symbol("kept");
const CHANGES = { join: Change.join, leave: Change.leave, disconnect: Change.disconnect } as const;

/** For Socket.IO's `adapter` option. */
export function createRecoveringAdapter(
  exchange: Exchange,
  recovery: RecoveryParts,
): (namespace: Namespace) => Adapter {
  function create(namespace: Namespace): Adapter {
    return new RecoveringAdapter(namespace, exchange, recovery);
  }
  return create;
}

type Keepable = ServerSocket & { [KEPT]?: Kept };

export class RecoveringAdapter extends SwitchedAdapter {
  readonly #link: Exchange;
  readonly #book: SessionBook;
  readonly #parts: RecoveryParts;
  readonly #createDecoder: () => DecoderLike;
  /** Clients that are on their way back, and those whose session is known, by its id. */
  readonly #returning = new Set<Returning>();
  readonly #expected = new Map<SocketId, Returning>();

  #isCommanded = false;

  constructor(namespace: Namespace, exchange: Exchange, parts: RecoveryParts) {
    super(namespace, exchange);
    this.#link = exchange;
    this.#book = parts.book;
    this.#parts = parts;
    this.#createDecoder = createDecoderOf(namespace.server);
    const creating = namespace as unknown as { _createSocket: CreateSocket };
    creating._createSocket = (client, auth) => this.#createSocket(client, auth);
  }

  override close(): void {
    for (const returning of this.#returning) returning.giveUp();
    super.close();
  }

  override addAll(id: SocketId, rooms: Set<Room>): void {
    const socket = this.#socketOf(id);
    const expected = rooms.has(id) ? this.#expected.get(id) : undefined;
    if (socket && expected) return this.#letIn(socket, rooms, expected);
    // Behind a command to join, the switch sends everything before it has heard of the joins.
    const first = new Set(this.#isCommanded ? [] : [...rooms].filter((room) => !this.rooms.has(room)));
    const before = this.sids.get(id);
    const added = [...rooms].filter((room) => !before?.has(room));
    super.addAll(id, rooms);
    if (!socket) return;
    const joinOf = (room: Room) => ({ room, first: first.has(room) });
    if (socket[KEPT]?.session) {
      if (added.length > 0) this.#book.join(socket[KEPT].session, this.#book.position, added.map(joinOf));
    } else if (rooms.has(id) && socket.pid) this.#open(socket, socket.pid, [...(this.sids.get(id) ?? [])].map(joinOf));
  }

  override del(id: SocketId, room: Room): void {
    this.#expected.get(id)?.leave(room);
    super.del(id, room);
    const session = this.#socketOf(id)?.[KEPT]?.session;
    if (session) this.#book.leave(session, [room]);
  }

  override delAll(id: SocketId): void {
    this.#refuse(id);
    this.#socketOf(id)?.[KEPT]?.end();
    super.delAll(id);
  }

  /** Socket.IO says so when a connection is lost in a way from which a client returns. */
  override persistSession({ sid }: { readonly sid: SocketId }): void {
    this.#socketOf(sid)?.[KEPT]?.away();
  }

  override broadcast(packet: Packet, options: BroadcastOptions): Promise<void> {
    if (packet.id !== undefined) this.#emitWithAck(packet, options);
    else this.#emit(packet, options);
    return Promise.resolve();
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): Promise<void> {
    Adapter.prototype.addSockets.call(this, options, rooms);
    this.#change("join", options, rooms);
    return super.addSockets(options, rooms);
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): Promise<void> {
    Adapter.prototype.delSockets.call(this, options, rooms);
    this.#change("leave", options, rooms);
    return super.delSockets(options, rooms);
  }

  override disconnectSockets(options: BroadcastOptions, close: boolean): Promise<void> {
    Adapter.prototype.disconnectSockets.call(this, options, close);
    this.#change("disconnect", options, []);
    return super.disconnectSockets(options, close);
  }

  override onBroadcast(address: DecodedAddress, read: FrameReader): void {
    const flagBits = read.byte();
    const parts = readEventParts(read);
    const flags = unpackFlags(flagBits);
    const options = { rooms: new Set(address.rooms as Room[]), except: new Set(address.except as Room[]), flags };
    this.#deliver(this.#remoteEvent(parts), parts, options);
    if (!flags.volatile)
      this.#pass({ kind: "event", parts, flags: flagBits, at: this.#book.position, ...addressed(options) }, false);
  }

  override onCommand(address: DecodedAddress, command: unknown): void {
    this.#isCommanded = true;
    try {
      super.onCommand(address, command);
    } finally {
      this.#isCommanded = false;
    }
    const done = command as Command;
    if (done.name === "event") return;
    const into = done.name === "disconnect" ? [] : done.rooms;
    const at = this.#book.position;
    const to = { rooms: new Set(address.rooms), except: new Set(address.except) };
    this.#pass({ kind: "change", change: CHANGES[done.name], into, at, ...to }, false);
    this.#book.tellChanged();
  }

  /** The room of a socket's id is addressed by socket.emit(), whose acknowledgement is this socket's alone. */
  #emitWithAck(packet: Packet, options: BroadcastOptions): void {
    const [id] = options.rooms;
    const socket = this.#socketOf(id as SocketId);
    if (!socket) return;
    socket.notifyOutgoingListeners?.(packet);
    socket.packet(packet, { ...options.flags });
  }

  /** An event of the parent namespace, which this worker or another one has had kept. */
  deliver(packet: Packet, options: BroadcastOptions, isOwn: boolean): void {
    const parts = this.#encode(packet);
    if (parts.length === 0) return;
    this.#deliver(packet, parts, options);
    const flags = packFlags(options.flags);
    const isKept = !options.flags?.local && !options.flags?.volatile;
    if (isKept) this.#pass({ kind: "event", parts, flags, at: this.#book.position, ...addressed(options) }, isOwn);
  }

  #encode(packet: Packet): EventPart[] {
    packet.nsp = this.name;
    const { encoder } = this as unknown as { encoder: OnceEncoder };
    return toEventParts(encoder.encodeOnce(packet));
  }

  #emit(packet: Packet, options: BroadcastOptions): void {
    const parts = this.#encode(packet);
    if (parts.length === 0) return;
    const { flags = {} } = options;
    const bits = packFlags(flags);
    const isKept = !flags.local && !flags.volatile;
    if (isKept) {
      const at = this.#tell(this.#addressOf(options), bits, parts);
      this.#pass({ kind: "event", parts, flags: bits, at, ...addressed(options) }, true);
    } else if (!flags.local) this.#link.broadcast(this.#addressOf(options), bits, parts);
    this.#deliver(packet, parts, options);
  }

  #tell(address: Address, flags: number, parts: readonly EventPart[]): Position {
    return this.#link.broadcast(address, flags, parts, true) ? this.#book.counted() : this.#book.lost(address);
  }

  #change(name: keyof typeof CHANGES, options: BroadcastOptions, into: Room[]): void {
    if (options.flags?.local) return;
    const change = CHANGES[name];
    const at = this.#book.changed(change, this.#addressOf(options), into);
    this.#pass({ kind: "change", change, into, at, ...addressed(options) }, true);
  }

  #pass(passing: Passing, isOwn: boolean): void {
    for (const returning of this.#returning) returning.pass(passing, isOwn);
  }

  /** Written once with a cursor, for those whose sessions are kept, and once without, for those who asked for none. */
  #deliver(packet: Packet, parts: readonly EventPart[], options: BroadcastOptions): void {
    const bits = packFlags(options.flags);
    let marked: Written | undefined;
    let plain: Written | undefined;
    const cursor = this.#book.cursor(this.#book.position);
    const walk = this as unknown as { apply(options: BroadcastOptions, visit: (socket: Keepable) => void): void };
    const heard: Keepable[] = [];
    walk.apply(options, (socket) => {
      if (socket._anyOutgoingListeners?.length) heard.push(socket);
      let written: Written;
      if (socket[KEPT]) written = marked ??= this.#prepare(this.#mark(parts, cursor), bits);
      else written = plain ??= this.#prepare(parts, bits);
      socket.client.writeToEngine(written.parts, written.options);
    });
    // Last: what a listener of the app sends has a later cursor, and must be behind this one everywhere.
    for (const socket of heard) socket.notifyOutgoingListeners?.(packet);
  }

  #mark(parts: readonly EventPart[], cursor: string): readonly EventPart[] {
    const marked = this.#parts.isOwnText ? markText(parts, cursor) : undefined;
    if (marked) return marked;
    const { encoder } = this as unknown as { encoder: OnceEncoder };
    const data = [...this.#remoteEvent(parts).data, cursor];
    return toEventParts(encoder.encode({ type: EVENT, nsp: this.name, data }));
  }

  #prepare(parts: readonly EventPart[], flagBits: number): Written {
    const { volatile, compress } = unpackFlags(flagBits);
    const options = { preEncoded: true, volatile, compress };
    const own = this as unknown as { _encode(packet: Packet, options: object): unknown[] };
    return { parts: own._encode(this.#remoteEvent(parts), options), options };
  }

  #remoteEvent(parts: readonly EventPart[]): RemoteEvent {
    return new RemoteEvent(parts, this.#createDecoder);
  }

  #addressOf(options: BroadcastOptions): Address {
    return { namespace: this.name, rooms: options.rooms, except: options.except ?? [] };
  }

  #socketOf(id: SocketId): Keepable | undefined {
    return (this.nsp as Namespace).sockets.get(id) as unknown as Keepable | undefined;
  }

  #open(socket: Keepable, pid: string, joins: { room: RoomName; first: boolean }[]): void {
    const kept = this.#keptOf(socket);
    const { id } = socket;
    const parent = this.#parts.parentOf(this.nsp as Namespace);
    kept.begin(this.#book.open(kept, { namespace: this.name, parent, pid, id, joins }), Buffer.alloc(0));
  }

  #keptOf(socket: Keepable): Kept {
    const kept = new Kept(socket, this.#book, this.#parts.onProblem);
    socket[KEPT] = kept;
    return kept;
  }

  async #createSocket(client: Client, auth: Auth): Promise<ServerSocket> {
    const make = Socket as unknown as MakeSocket;
    const namespace = this.nsp as Namespace;
    if (!isRecoverable(client)) {
      const socket = new make(namespace, client, auth);
      socket.pid = undefined;
      return socket;
    }
    const session = await this.#restore(client, auth);
    return session ? new make(namespace, client, auth, session) : new make(namespace, client, auth);
  }

  async #restore({ conn }: Client, { pid, offset }: Auth): Promise<PreviousSession | undefined> {
    if (typeof pid !== "string" || conn.readyState !== "open") return undefined;
    // What is not a text is not an offset; an empty one is refused as such.
    const told = offset === undefined || typeof offset === "string" ? offset : "";
    return new Promise((resolve) => {
      const onClose = () => returning.giveUp();
      const onLost = () => conn.close();
      const returning: Returning = new Returning(
        this.#book,
        { namespace: this.name, pid, offset: told },
        (outcome) => {
          const session = outcome === "new" ? undefined : this.#expect(returning, pid, outcome.restored);
          if (!session) this.#returning.delete(returning);
          resolve(session);
        },
        () => {
          this.#forget(returning);
          onLost();
        },
      );
      this.#returning.add(returning);
      conn.once("close", onClose);
    });
  }

  #expect(returning: Returning, pid: string, { id, data }: Restored): PreviousSession | undefined {
    try {
      const restored = data.length > 0 ? decode(data) : {};
      this.#expected.set(id, returning);
      return { sid: id, pid, rooms: [], data: restored, missedPackets: [] };
    } catch (error) {
      this.#parts.onProblem(error as Error);
      returning.giveUp();
      return undefined;
    }
  }

  #forget(returning: Returning): void {
    this.#returning.delete(returning);
    const id = returning.restored?.id;
    if (id !== undefined && this.#expected.get(id) === returning) this.#expected.delete(id);
  }

  #refuse(id: SocketId): void {
    const returning = this.#expected.get(id);
    if (!returning) return;
    this.#forget(returning);
    returning.refuse();
  }

  /** The client has been authorised: first what it missed, then what came meanwhile, then it is one of those who listen. */
  #letIn(socket: Keepable, rooms: Set<Room>, returning: Returning): void {
    const { id } = socket;
    const restored = returning.finish();
    this.#forget(returning);
    if (!restored) return;
    const asked = [...rooms, ...(this.sids.get(id) ?? [])].filter((room) => !returning.rooms.has(room));
    super.addAll(id, new Set([...(returning.rooms as Set<Room>), ...rooms]));
    const { own, shared } = this.#book.position;
    const joined = [...returning.joined].map(([room, at]) => ({ room, own: at.own, shared: at.shared }));
    for (const room of asked) joined.push({ room, own, shared });
    const left = restored.rooms.filter((room) => !returning.rooms.has(room));
    const kept = this.#keptOf(socket);
    const session = this.#book.resume({ request: returning.request, namespace: this.name, left, joined }, kept);
    this.#replay(socket, restored, returning);
    kept.begin(session, restored.data);
  }

  #replay(socket: Keepable, { worker, events }: Restored, returning: Returning): void {
    for (const { own, shared, frame } of events) {
      const read = new FrameReader(frame);
      const { namespace } = read.address();
      const flags = read.byte();
      const parts = readEventParts(read);
      this.#writeTo(socket, namespace === this.name ? parts : this.#asOfHere(parts), flags, { worker, own, shared });
    }
    for (const event of returning.events) this.#writeTo(socket, event.parts, event.flags, returning.positionOf(event));
  }

  /** An event of the parent names no child. */
  #asOfHere(parts: readonly EventPart[]): EventPart[] {
    return this.#encode({ type: EVENT, data: this.#remoteEvent(parts).data });
  }

  #writeTo(socket: Keepable, parts: readonly EventPart[], flags: number, position: Position): void {
    const written = this.#prepare(this.#mark(parts, this.#book.cursor(position)), flags);
    socket.client.writeToEngine(written.parts, written.options);
  }
}

/** A client may ask for none, because it cannot bear the cursors; Engine.IO's third version has no place for the pid. */
function isRecoverable({ conn, request }: Client): boolean {
  return conn.protocol !== 3 && request?._query?.recovery !== "0";
}

function addressed({ rooms, except }: BroadcastOptions): { rooms: Set<RoomName>; except: Set<RoomName> } {
  return { rooms: rooms as Set<RoomName>, except: (except ?? new Set()) as Set<RoomName> };
}
