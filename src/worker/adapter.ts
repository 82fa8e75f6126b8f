/**
 * The Socket.IO adapter of a worker: the semantics of `@socket.io/cluster-adapter`, carried by the switch instead of IPC.
 * One per namespace. Local delivery and joins are synchronous, so `io.emit("a"); socket.emit("b")` arrives in that order;
 * others are reached through the exchange.
 */
import { NodeClusterAdapter } from "@socket.io/cluster-adapter";
import type { Namespace, Socket } from "socket.io";
import { Adapter, type BroadcastFlags, type BroadcastOptions, type Room, type SocketId } from "socket.io-adapter";
import { packFlags, unpackFlags } from "../protocol/content.js";
import { type Address, Audience, type DecodedAddress, type RoomName } from "../protocol/frame.js";
import { answer, isDetails, type RemoteSocketDetails, run } from "./adapter-remote.js";
import { EncodeError } from "./codec.js";
import {
  type Command,
  type Heard,
  type Question,
  readCommand,
  readEvent,
  readQuestion,
  sayCommand,
  sayEvent,
  sayQuestion,
} from "./content.js";
import {
  createDecoderOf,
  type DecoderLike,
  type Encoder,
  frameOf,
  OnceEncoder,
  type Packet,
  RemoteEvent,
  toEventParts,
} from "./event.js";
import type { Exchange, NamespaceServer, Respond } from "./exchange.js";
import { sendFrames, takesFrames } from "./frame-client.js";
import { RequestTimeoutError, requestError } from "./request-error.js";
import { RoomHearing } from "./room-hearing.js";
import type { TextRun } from "./text-run.js";

const DEFAULT_TIMEOUT_MS = 5_000;
/** What is larger is not copied on its way to the link, but by itself; see frame.ts. */
const MAX_GATHERED_BYTES = 8 * 1024;
/** What BroadcastOperator has to count to: this worker, and the others together. */
const LOCAL_AND_OTHERS = 2;

interface PacketOptions {
  wsPreEncodedFrame?: Buffer[];
}

type Encode = (this: { encoder: Encoder }, packet: Packet, options: PacketOptions) => unknown[];

const DONE = Promise.resolve();
const NO_ROOMS: Set<Room> = new Set();

type Apply = (this: Adapter, options: BroadcastOptions, callback: (socket: Socket) => void) => void;

/** For Socket.IO's `adapter` option. */
export function createAdapter(exchange: Exchange): (namespace: Namespace) => Adapter {
  // Socket.IO calls it with `new`, which an arrow function does not bear.
  function create(namespace: Namespace): Adapter {
    return new SwitchedAdapter(namespace, exchange);
  }
  return create;
}

export class SwitchedAdapter extends NodeClusterAdapter implements NamespaceServer {
  readonly #exchange: Exchange;
  readonly #encoder: OnceEncoder;
  readonly #createDecoder: () => DecoderLike;
  readonly #hearing: RoomHearing | undefined;
  #countForAcks = 0;

  constructor(namespace: Namespace, exchange: Exchange) {
    super(namespace);
    this.#exchange = exchange;
    const fields = this as unknown as { encoder: Encoder; _encode: Encode };
    fields._encode = encodeInOnePiece;
    this.#encoder = new OnceEncoder(fields.encoder);
    fields.encoder = this.#encoder;
    this.#createDecoder = createDecoderOf(namespace.server);
    if (exchange.uplink === "sharded") this.#hearing = new RoomHearing((rooms) => exchange.hear(this.name, rooms));
    this.#detach();
    exchange.open(this.name, this);
  }

  get name(): string {
    return (this.nsp as Namespace).name;
  }

  /** The base class announces itself here; the exchange does that. */
  override init(): void {}

  override close(): void {
    this.#exchange.shut(this.name, this);
  }

  /** In the sharded mode of the uplink, resolves when the room hears other hosts. */
  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    const created = [...rooms].filter((room) => !this.rooms.has(room));
    const tells = created.length > 0 && this.#serves();
    if (tells) this.#exchange.join(this.name, created);
    void super.addAll(id, rooms);
    return this.#hearing?.joined(id, rooms, tells ? created : []);
  }

  override del(id: SocketId, room: Room): void {
    const existed = this.rooms.has(room);
    void super.del(id, room);
    if (existed) this.#tellLeft([room]);
  }

  override delAll(id: SocketId): void {
    const rooms = this.sids.get(id);
    if (!rooms) return;
    const left = new Set(rooms).add(id);
    super.delAll(id);
    this.#tellLeft(left);
  }

  override broadcast(packet: Packet, options: BroadcastOptions): Promise<void> {
    if (!options.flags?.local) {
      packet.nsp = this.name;
      this.#tell(packet, this.#encoder.encodeOnce(packet), options);
    }
    Adapter.prototype.broadcast.call(this, packet, options);
    return DONE;
  }

  #tell(packet: Packet, encoded: readonly unknown[], options: BroadcastOptions): void {
    const address = this.#address(options);
    const packed = this.#exchange.pack(packet.data);
    const frame = frameOf(packet, encoded);
    if (frame && frame.length + packed.length <= MAX_GATHERED_BYTES && (encoded[0] as string).isWellFormed()) {
      return this.#exchange.broadcastText(address, packFlags(options.flags), frame, packed);
    }
    const parts = toEventParts(encoded);
    if (parts.length > 0) this.#exchange.broadcast(address, sayEvent(parts, options.flags, packed));
  }

  /**
   * BroadcastOperator waits until as many servers as `serverCount()` says have told their number of clients, and as many
   * clients have answered. It hears two numbers: the local one, and for all others how many did answer, once nobody
   * else will: then a worker that dies in between is not waited for.
   */
  override broadcastWithAck(
    packet: Packet,
    options: BroadcastOptions,
    onCount: (clients: number) => void,
    onAck: (response: unknown) => void,
  ): void {
    const local = options.flags?.local;
    if (!local) this.#askForAcks(packet, options, onCount, onAck);
    Adapter.prototype.broadcastWithAck.call(this, packet, options, onCount, onAck);
    // Last: what has just been delivered may have made an outgoing listener of the app broadcast too.
    this.#countForAcks = local ? 1 : LOCAL_AND_OTHERS;
  }

  override async serverCount(): Promise<number> {
    const forAcks = this.#countForAcks;
    this.#countForAcks = 0;
    return forAcks || 1 + (await this.#exchange.countOthers(this.name));
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): Promise<void> {
    this.#command(Audience.joining, options, { name: "join", rooms });
    Adapter.prototype.addSockets.call(this, options, rooms);
    return DONE;
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): Promise<void> {
    this.#command(Audience.members, options, { name: "leave", rooms });
    Adapter.prototype.delSockets.call(this, options, rooms);
    return DONE;
  }

  override disconnectSockets(options: BroadcastOptions, close: boolean): Promise<void> {
    this.#command(Audience.members, options, { name: "disconnect", close });
    Adapter.prototype.disconnectSockets.call(this, options, close);
    return DONE;
  }

  override async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    const sockets: unknown[] = await Adapter.prototype.fetchSockets.call(this, options);
    if (options.flags?.local) return sockets;
    const remote = await this.#askForLists<RemoteSocketDetails>(Audience.members, options, { name: "fetch" });
    return sockets.concat(remote.filter(isDetails));
  }

  /** The ids of the sockets in one of the rooms (in any, if none is named), in the whole cluster. */
  override async sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    const ids = await Adapter.prototype.sockets.call(this, rooms);
    const remote = await this.#askForLists<unknown>(Audience.members, { rooms }, { name: "ids" });
    for (const one of remote) ids.add(isDetails(one) ? one.id : (one as SocketId));
    return ids;
  }

  /** The rooms of the namespace, in the whole cluster; each socket's own among them, as in @socket.io/redis-adapter. */
  async allRooms(): Promise<Set<Room>> {
    const rooms = new Set(this.rooms.keys());
    const remote = await this.#askForLists<unknown>(Audience.namespace, { rooms: new Set() }, { name: "rooms" });
    for (const one of remote) for (const room of isDetails(one) ? one.rooms : [one as Room]) rooms.add(room);
    return rooms;
  }

  override serverSideEmit(args: unknown[]): Promise<void> {
    const everybody = { rooms: new Set<Room>() };
    const acknowledge = args.at(-1);
    if (typeof acknowledge !== "function") {
      this.#command(Audience.namespace, everybody, { name: "event", args });
      return DONE;
    }
    return this.#ask<unknown>(Audience.namespace, everybody, { name: "event", args: args.slice(0, -1) }).then(
      (responses) => acknowledge(null, responses),
      (error) => acknowledge(error, error instanceof RequestTimeoutError ? error.responses : []),
    );
  }

  onBroadcast(address: DecodedAddress, heard: Heard): void {
    const event = readEvent(heard, this.#createDecoder);
    Adapter.prototype.broadcast.call(this, event, toOptions(address, unpackFlags(heard.what)));
  }

  /** As `onBroadcast` for one event after the other, in one step where nobody could tell the difference. */
  onTextRun(run: TextRun): void {
    const options = toOptions(run.address, unpackFlags(run.flags));
    const sockets: Socket[] = [];
    applyToSockets.call(this, options, (socket) => sockets.push(socket));
    if (sockets.every(takesFrames)) return sendRun(sockets, run, options.flags);
    for (const text of run.texts()) {
      Adapter.prototype.broadcast.call(this, new RemoteEvent([text], this.#createDecoder), options);
    }
  }

  onCommand(address: DecodedAddress, heard: Heard): void {
    run(this, toOptions(address), readCommand(heard));
  }

  onRequest(address: DecodedAddress, heard: Heard, respond: Respond, timeoutMs: number): void {
    const question = readQuestion(heard, this.#createDecoder);
    answer(question, { adapter: this, options: toOptions(address), timeoutMs, respond });
  }

  /**
   * Socket.IO closes a namespace whose last client has left, even when the next one is just being let in: then it is
   * opened again, unless a new namespace of that name has taken its place.
   */
  #serves(): boolean {
    if (!this.#exchange.serverOf(this.name)) this.#exchange.open(this.name, this);
    return this.#exchange.serverOf(this.name) === this;
  }

  /**
   * A socket may leave even the room of its own id and is still one of those that `io.emit()` reaches. So that room counts
   * as long as the socket is connected.
   */
  #tellLeft(rooms: Iterable<Room>): void {
    const left = [...rooms].filter((room) => !this.rooms.has(room) && !this.sids.has(room));
    if (left.length > 0 && this.#exchange.serverOf(this.name) === this) this.#exchange.leave(this.name, left);
  }

  #address(options: BroadcastOptions): Address {
    return { namespace: this.name, rooms: options.rooms, except: options.except ?? [] };
  }

  #command(audience: Audience, options: BroadcastOptions, command: Command): void {
    if (options.flags?.local) return;
    this.#exchange.command(audience, this.#address(options), () => sayCommand(command, this.#exchange.pack));
  }

  /** What others answered, in one list. A plain server in sharded mode answers each question with its sockets. */
  async #askForLists<T>(audience: Audience, options: BroadcastOptions, question: Question): Promise<T[]> {
    const lists = await this.#ask<T[]>(audience, options, question);
    return lists.filter((list) => Array.isArray(list)).flat(1) as T[];
  }

  /** One answer per worker and plain server asked, without those that died meanwhile. */
  #ask<T>(audience: Audience, options: BroadcastOptions, question: Question): Promise<T[]> {
    const responses: T[] = [];
    const timeoutMs = options.flags?.timeout || DEFAULT_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const say = () => sayQuestion(question, this.#exchange.pack);
      this.#exchange.request(audience, this.#address(options), say, timeoutMs, {
        onResponse: (value) => responses.push(value as T),
        onDone: () => resolve(responses),
        onFailure: (failure) =>
          reject(requestError(failure, () => new RequestTimeoutError(question.name, timeoutMs, responses))),
      });
    });
  }

  #askForAcks(
    packet: Packet,
    options: BroadcastOptions,
    onCount: (clients: number) => void,
    onAck: (response: unknown) => void,
  ): void {
    let acknowledged = 0;
    const timeoutMs = options.flags?.timeout || DEFAULT_TIMEOUT_MS;
    packet.nsp = this.name;
    const parts = toEventParts(this.#encoder.encode(packet));
    if (parts.length === 0) return onCount(0);
    const packed = this.#exchange.pack(packet.data);
    const say = () =>
      sayQuestion({ name: "emit", parts, flags: packFlags(options.flags), packed }, this.#exchange.pack);
    this.#exchange.request(Audience.members, this.#address(options), say, timeoutMs, {
      onResponse: (value) => {
        acknowledged++;
        onAck(value);
      },
      onDone: () => onCount(acknowledged),
      // The operator's own timer tells the app of what was not answered; what cannot be encoded reaches nobody else.
      onFailure: (failure) => failure instanceof EncodeError && onCount(0),
    });
  }

  /** Takes back what the base classes' constructors set up per namespace: a listener on IPC and a timer. */
  #detach(): void {
    const listener = process.listeners("message").at(-1);
    if (listener) process.off("message", listener as (message: unknown) => void);
    clearInterval((this as unknown as { cleanupTimer: NodeJS.Timeout }).cleanupTimer);
  }
}

function sendRun(sockets: readonly Socket[], run: TextRun, { compress, volatile = false }: BroadcastFlags): void {
  if (sockets.length === 0) return;
  const options = { wsPreEncodedFrame: [run.toWebSocketFrames()], compress };
  for (const socket of sockets) sendFrames(socket, options, volatile);
}

const { apply: applyToSockets } = Adapter.prototype as unknown as { apply: Apply };

/** As the base class, which makes the WebSocket frame for all clients at once. In one piece it is one cheap write each. */
function encodeInOnePiece(this: { encoder: Encoder }, packet: Packet, options: PacketOptions): unknown[] {
  const parts = this.encoder.encode(packet);
  const frame = frameOf(packet, parts);
  if (frame) options.wsPreEncodedFrame = [frame];
  return parts;
}

function toOptions(address: DecodedAddress, flags: BroadcastFlags = {}) {
  return { rooms: toSet(address.rooms), except: toSet(address.except), flags };
}

function toSet(rooms: readonly RoomName[]): Set<Room> {
  return rooms.length === 0 ? NO_ROOMS : new Set(rooms as Room[]);
}
