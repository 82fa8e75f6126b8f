/**
 * The adapter of a worker where recovery is on: every event gets a cursor behind its arguments and is kept by the primary
 * if it can be replayed, sessions are told of as they change, and clients that return get theirs back. One per namespace.
 */
import type { Namespace } from "socket.io";
import { Adapter, type BroadcastOptions, type Room, type SocketId } from "socket.io-adapter";
import { packFlags, readContent, unpackFlags } from "../../protocol/content.js";
import { type Address, type DecodedAddress, FrameReader, ProtocolError, type RoomName } from "../../protocol/frame.js";
import { Change, type Restored } from "../../protocol/recovery-frame.js";
import { SwitchedAdapter } from "../adapter.js";
import { DecodeError } from "../codec.js";
import { type Heard, readCommand, sayEvent } from "../content.js";
import type { EventPart, Packet } from "../event.js";
import type { Exchange } from "../exchange.js";
import type { TextRun } from "../text-run.js";
import { KEPT, type KeepableSocket, Kept } from "./kept.js";
import { Reception } from "./reception.js";
import type { Returning } from "./returning.js";
import type { SessionBook } from "./session-book.js";
import { Writer } from "./writer.js";

export interface RecoveryParts {
  readonly book: SessionBook;
  /** Socket.IO's own parser is used, so an encoded event is text that can be added to. */
  readonly isOwnText: boolean;
  /** What the events of a parent namespace are kept under; empty where the namespace has none. */
  parentOf(namespace: Namespace): string;
  onProblem(error: Error): void;
}

const CONNECT = 0;
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

export class RecoveringAdapter extends SwitchedAdapter {
  readonly #link: Exchange;
  readonly #book: SessionBook;
  readonly #parts: RecoveryParts;
  readonly #reception: Reception;
  readonly #writer: Writer;
  #isCommanded = false;

  constructor(namespace: Namespace, exchange: Exchange, parts: RecoveryParts) {
    super(namespace, exchange);
    this.#link = exchange;
    this.#book = parts.book;
    this.#parts = parts;
    this.#reception = new Reception(namespace, parts.book, parts.onProblem);
    this.#writer = new Writer(this, parts.book, parts.isOwnText);
  }

  override close(): void {
    this.#reception.close();
    super.close();
  }

  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    const socket = this.#socketOf(id);
    const expected = rooms.has(id) ? this.#reception.expected(id) : undefined;
    if (socket && expected) return this.#letIn(socket, rooms, expected);
    // Behind a command to join, the switch sends everything before it has heard of the joins.
    const first = new Set(this.#isCommanded ? [] : [...rooms].filter((room) => !this.rooms.has(room)));
    const before = this.sids.get(id);
    const added = [...rooms].filter((room) => !before?.has(room));
    const heard = super.addAll(id, rooms);
    this.#tellJoined(id, socket, added, first);
    return heard;
  }

  #tellJoined(
    id: SocketId,
    socket: KeepableSocket | undefined,
    added: readonly Room[],
    first: ReadonlySet<Room>,
  ): void {
    if (!socket) return;
    const joinOf = (room: Room) => ({ room, first: first.has(room) });
    if (socket[KEPT]?.session) {
      if (added.length > 0) this.#book.join(socket[KEPT].session, this.#book.position, added.map(joinOf));
    } else if (this.sids.get(id)?.has(id) && socket.pid && !socket[KEPT])
      this.#open(socket, socket.pid, [...(this.sids.get(id) ?? [])].map(joinOf));
  }

  override del(id: SocketId, room: Room): void {
    this.#reception.expected(id)?.leave(room);
    super.del(id, room);
    const session = this.#socketOf(id)?.[KEPT]?.session;
    if (session) this.#book.leave(session, [room]);
  }

  override delAll(id: SocketId): void {
    this.#reception.refuse(id);
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

  override onBroadcast(address: DecodedAddress, heard: Heard): void {
    const { packet, parts } = this.#writer.read(heard);
    this.#receive(packet, parts, toOptions(address, heard.what));
  }

  /** Where a run is of events with numbers, these stand between them: what comes here has none, or the first has. */
  override onTextRun(run: TextRun): void {
    const options = toOptions(run.address, run.flags);
    for (const text of run.texts()) this.#receive(this.#writer.eventOf([text]), [text], options);
  }

  #receive(packet: Packet, parts: readonly EventPart[], options: BroadcastOptions): void {
    this.#writer.deliver(packet, parts, options);
    if (options.flags?.volatile) return;
    const flags = packFlags(options.flags);
    this.#reception.pass({ kind: "event", parts, flags, at: this.#book.position, ...addressed(options) }, false);
  }

  override onCommand(address: DecodedAddress, heard: Heard): void {
    this.#isCommanded = true;
    try {
      super.onCommand(address, heard);
    } finally {
      this.#isCommanded = false;
    }
    const done = readCommand(heard);
    if (done.name === "event") return;
    const into = done.name === "disconnect" ? [] : done.rooms;
    const at = this.#book.position;
    const to = { rooms: new Set(address.rooms), except: new Set(address.except) };
    this.#reception.pass({ kind: "change", change: CHANGES[done.name], into, at, ...to }, false);
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
    const parts = this.#writer.encode(packet);
    if (parts.length === 0) return;
    this.#writer.deliver(packet, parts, options);
    const flags = packFlags(options.flags);
    const isKept = !options.flags?.local && !options.flags?.volatile;
    if (isKept)
      this.#reception.pass({ kind: "event", parts, flags, at: this.#book.position, ...addressed(options) }, isOwn);
  }

  #emit(packet: Packet, options: BroadcastOptions): void {
    const parts = this.#writer.encode(packet);
    if (parts.length === 0) return;
    if (!options.flags?.local) this.#tell(packet, parts, options);
    this.#writer.deliver(packet, parts, options);
  }

  /** Others, and those who are about to be let in here. */
  #tell(packet: Packet, parts: readonly EventPart[], options: BroadcastOptions): void {
    const { flags } = options;
    const address = this.#addressOf(options);
    const saying = sayEvent(parts, flags, this.#link.pack(packet.data));
    if (flags?.volatile) return void this.#link.broadcast(address, saying);
    const at = this.#link.broadcast(address, saying, true) ? this.#book.counted() : this.#book.lost(address);
    this.#reception.pass({ kind: "event", parts, flags: packFlags(flags), at, ...addressed(options) }, true);
  }

  #change(name: keyof typeof CHANGES, options: BroadcastOptions, into: Room[]): void {
    if (options.flags?.local) return;
    const change = CHANGES[name];
    const at = this.#book.changed(change, this.#addressOf(options), into);
    this.#reception.pass({ kind: "change", change, into, at, ...addressed(options) }, true);
  }

  #addressOf(options: BroadcastOptions): Address {
    return { namespace: this.name, rooms: options.rooms, except: options.except ?? [] };
  }

  #socketOf(id: SocketId): KeepableSocket | undefined {
    return (this.nsp as Namespace).sockets.get(id) as unknown as KeepableSocket | undefined;
  }

  #open(socket: KeepableSocket, pid: string, joins: { room: RoomName; first: boolean }[]): void {
    const kept = this.#keptOf(socket);
    const { id } = socket;
    const parent = this.#parts.parentOf(this.nsp as Namespace);
    const about = { namespace: this.name, parent, pid, id, offset: this.#reception.offsetOf(socket), joins };
    kept.begin(this.#book.open(kept, about), Buffer.alloc(0));
  }

  #keptOf(socket: KeepableSocket): Kept {
    const kept = new Kept(socket, this.#book, this.#parts.onProblem);
    socket[KEPT] = kept;
    return kept;
  }

  /** The client has been authorised: first what it missed, then what came meanwhile, then it is one of those who listen. */
  #letIn(socket: KeepableSocket, rooms: Set<Room>, returning: Returning): Promise<void> | void {
    const { id } = socket;
    const restored = this.#reception.letIn(returning);
    if (!restored) return;
    const asked = [...rooms, ...(this.sids.get(id) ?? [])].filter((room) => !returning.rooms.has(room));
    const heard = super.addAll(id, new Set([...(returning.rooms as Set<Room>), ...rooms]));
    const { own, shared } = this.#book.position;
    const joined = [...returning.joined].map(([room, at]) => ({ room, own: at.own, shared: at.shared }));
    for (const room of asked) joined.push({ room, own, shared });
    const left = restored.rooms.filter((room) => !returning.rooms.has(room));
    const kept = this.#keptOf(socket);
    const session = this.#book.resume({ request: returning.request, namespace: this.name, left, joined }, kept);
    kept.begin(session, restored.data);
    afterConnect(socket, () => this.#replay(socket, restored, returning));
    return heard;
  }

  #replay(socket: KeepableSocket, { worker, events }: Restored, returning: Returning): void {
    for (const { own, shared, frame } of events) {
      const event = this.#read(frame);
      if (event) this.#writer.write(socket, event.parts, event.flags, { worker, own, shared });
    }
    for (const event of returning.events) {
      this.#writer.write(socket, event.parts, event.flags, returning.positionOf(event));
    }
  }

  /** Undefined: a plain server has sent what nobody can read; who was there has not got it either. */
  #read(frame: Buffer): { readonly parts: readonly EventPart[]; readonly flags: number } | undefined {
    const read = new FrameReader(frame);
    const packedBytes = read.number();
    const { namespace } = read.address();
    try {
      const heard = readContent(read, packedBytes);
      const { parts } = this.#writer.read(heard);
      return { parts: namespace === this.name ? parts : this.#writer.asOfHere(parts), flags: heard.what };
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof DecodeError) return undefined;
      throw error;
    }
  }
}

/**
 * A client keeps what comes before its CONNECT packet for the time when it is connected, also past the end of that
 * connection: it would have it twice if it was cut off between the two, and came again.
 */
function afterConnect(socket: KeepableSocket, then: () => void): void {
  const { packet } = socket;
  socket.packet = (sent, options) => {
    packet.call(socket, sent, options);
    if (sent.type !== CONNECT) return;
    socket.packet = packet;
    then();
  };
}

function toOptions({ rooms, except }: DecodedAddress, flags: number): BroadcastOptions {
  return { rooms: new Set(rooms as Room[]), except: new Set(except as Room[]), flags: unpackFlags(flags) };
}

function addressed({ rooms, except }: BroadcastOptions): { rooms: Set<RoomName>; except: Set<RoomName> } {
  return { rooms: rooms as Set<RoomName>, except: (except ?? new Set()) as Set<RoomName> };
}
