/**
 * The switch: reads the links of the workers, keeps what they tell of rooms, and has everything else relayed in the order
 * that keeps a promise. Runs in the primary. It reads kinds, ids and addresses, never an event's arguments. Where a frame
 * goes is router.ts.
 *
 * A join that a client has been told of must be known before anything addressed to that room is relayed. The worker does
 * its part (its link bytes are in the kernel before its client bytes), but one poll may return a later frame of one link
 * before an earlier join of another. So room changes are applied as they are read, and everything else is relayed after
 * one more poll of all links, in the order that relay-queue.ts gives it.
 */
import type { Duplex } from "node:stream";
import {
  PROTOCOL_VERSION,
  type PrimaryMessage,
  parseWorkerMessage,
  type WorkerMessage,
} from "../../protocol/control.js";
import { Audience, FRAME_HEAD_BYTES, FrameKind, FrameReader, kindOf, ProtocolError } from "../../protocol/frame.js";
import { machineTimeUs } from "../../protocol/machine-time.js";
import { isRecoveryKind } from "../../protocol/recovery-frame.js";
import type { Keep, Keeper } from "./keeper.js";
import { Lingering } from "./lingering.js";
import { type Item, RelayQueue } from "./relay-queue.js";
import { RoomTable } from "./room-table.js";
import { type Peer, Router, type UplinkEnd } from "./router.js";
import { WorkerLink } from "./worker-link.js";

/** What the switch reads on a link but others act on. */
export interface LinkListener {
  onMessage(message: WorkerMessage): void;
  onTaken(sequence: number, found: boolean): void;
  onClosed(sequences: readonly number[]): void;
  onExpected(address: string, more: boolean): void;
  /** The link has been read to its end. With an error: what came was not of the protocol, and the worker must go. */
  onEnd(error?: Error): void;
}

export interface SwitchLink {
  send(message: PrimaryMessage): void;
  end(): void;
  readonly queuedBytes: number;
}

/** One worker, as the switch sees it. Not a "member": those are sockets in a room. */
interface WorkerPeer extends Peer {
  readonly link: WorkerLink;
  readonly listener: LinkListener;
  greeted: boolean;
  /** When it has said the command to join that comes next, by the machine's clock. */
  saidAtUs: number;
}

interface Received extends Item {
  readonly from: Peer;
  /** Undefined: the link has ended. */
  readonly frame: Buffer | undefined;
  /** The number of the last event that was kept when this was read. */
  readonly readAt: number;
}

/** The longest is an app's error with its stack; parsing much more would hold up everybody. */
const MAX_CONTROL_BYTES = 256 * 1024;
const SWEEP_INTERVAL_MS = 1_000;

export class Switch {
  readonly #rooms = new RoomTable<Peer>();
  readonly #router = new Router(this.#rooms, () => (this.#keeper?.windowMs ?? 0) > 0);
  readonly #workers = new Set<WorkerPeer>();
  readonly #sweeper = setInterval(() => this.#sweep(performance.now()), SWEEP_INTERVAL_MS).unref();
  readonly #queue = new RelayQueue<Received>();
  #uplink: Peer | undefined;
  readonly #keeper: Keeper | undefined;
  #lingering: Lingering | undefined;
  #turning = false;

  /** `keeper` keeps sessions and events outside the workers. */
  constructor(keeper?: Keeper) {
    this.#keeper = keeper;
  }

  get counters(): Readonly<Record<string, number>> {
    const { namespaces, rooms } = this.#rooms.sizes;
    return {
      switchLinks: this.#workers.size,
      switchNamespaces: namespaces,
      switchRooms: rooms,
      ...this.#router.counters,
      switchRoomOverflows: this.#rooms.overflows,
    };
  }

  /**
   * Joins this host to others: to the workers they are one more peer. To be called before the first `connect`. What is
   * returned takes frames as from a worker.
   */
  attach(end: UplinkEnd): (frame: Buffer) => void {
    const uplink = this.#router.attach(end, this.#keeper?.foreign);
    this.#uplink = uplink;
    this.#lingering = this.#keeper && new Lingering(end, this.#keeper);
    this.#rooms.observe(this.#lingering ?? end);
    return (frame) => this.#receive(uplink, frame);
  }

  /** `name` is the worker's, in the positions of clients. */
  connect(stream: Duplex, listener: LinkListener, name = ""): SwitchLink {
    const link = new WorkerLink(stream, {
      onFrame: (frame) => this.#onFrame(peer, frame),
      onEnd: (error) => {
        this.#receive(peer, undefined);
        listener.onEnd(error);
      },
    });
    const keep = this.#keepOf(link, name, () => peer);
    const peer: WorkerPeer = { link, listener, keep, greeted: false, saidAtUs: 0 };
    this.#workers.add(peer);
    return link;
  }

  #keepOf(link: WorkerLink, name: string, peer: () => Peer): Keep | undefined {
    return this.#keeper?.connect({
      name,
      frame: (kind) => link.frame(kind),
      flush: () => link.flush(),
      get queuedBytes() {
        return link.queuedBytes;
      },
      expectJoins: (namespace) => {
        this.#rooms.open(peer(), namespace);
        this.#rooms.expectJoins(peer(), namespace);
      },
    });
  }

  /** The primary's word to all workers. */
  tell(message: PrimaryMessage): void {
    for (const { link } of this.#workers) link.send(message);
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const { link } of this.#workers) link.end();
  }

  #sweep(nowMs: number): void {
    this.#router.sweep(nowMs);
    this.#lingering?.sweep(nowMs);
  }

  #onFrame(from: WorkerPeer, frame: Buffer): void {
    const kind = kindOf(frame);
    if (!from.greeted && kind !== FrameKind.control) throw new ProtocolError(`kind ${kind} before hello`);
    const read = new FrameReader(frame);
    switch (kind) {
      case FrameKind.control:
        if (frame.length > MAX_CONTROL_BYTES) throw new ProtocolError(`a control message of ${frame.length} bytes`);
        return this.#onControl(from, read.text());
      case FrameKind.taken:
        return from.listener.onTaken(read.number(), read.byte() === 1);
      case FrameKind.closed:
        return from.listener.onClosed(read.numbers());
      case FrameKind.expected:
        return from.listener.onExpected(read.text(), read.byte() === 1);
      case FrameKind.open:
        return this.#rooms.open(from, read.text());
      case FrameKind.shut:
        return this.#rooms.shut(from, read.text());
      case FrameKind.join:
        return this.#rooms.join(from, read.text(), read.rooms());
      case FrameKind.leave:
        return this.#rooms.leave(from, read.text(), read.rooms());
      case FrameKind.saidAt:
        from.saidAtUs = Math.max(from.saidAtUs, read.count());
        return;
      case FrameKind.joined:
        return this.#rooms.joined(from, read.text());
      case FrameKind.broadcast:
      case FrameKind.run:
      case FrameKind.command:
      case FrameKind.request:
      case FrameKind.response:
      case FrameKind.cancel:
      case FrameKind.count:
      case FrameKind.hear:
        return this.#receive(from, frame, from.saidAtUs);
      default:
        if (from.keep && isRecoveryKind(kind)) return this.#receive(from, frame);
        throw new ProtocolError(`unknown kind ${kind}`);
    }
  }

  #onControl(from: WorkerPeer, text: string): void {
    const message = parseWorkerMessage(text);
    if (!message) throw new ProtocolError("a control message that is none");
    if (message.type === "hello" && message.version !== PROTOCOL_VERSION) {
      throw new ProtocolError(`the worker speaks version ${message.version}, this primary ${PROTOCOL_VERSION}`);
    }
    if (!from.greeted && message.type !== "hello") throw new ProtocolError(`${message.type} before hello`);
    from.greeted = true;
    from.listener.onMessage(message);
  }

  /** What other hosts have said counts from when it comes. */
  #receive(from: Peer, frame: Buffer | undefined, saidAtUs?: number): void {
    const joins = frame !== undefined && isToJoin(frame);
    const atUs = joins ? (saidAtUs ?? machineTimeUs()) : 0;
    this.#queue.push({ from, frame, joins, atUs, readAt: this.#keeper?.last ?? 0 });
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(this.#turn);
  }

  /** Once per turn of the event loop, after its poll: relays what was read before that poll. */
  readonly #turn = (): void => {
    const due = this.#queue.takeDue();
    this.#turning = !this.#queue.isEmpty;
    if (this.#turning) setImmediate(this.#turn);
    for (const received of due) this.#relayOrEnd(received);
    this.#router.flush();
  };

  #relayOrEnd({ from, frame, readAt }: Received): void {
    if (from !== this.#uplink && !this.#workers.has(from as WorkerPeer)) return;
    try {
      if (frame) this.#router.relay(from, frame, readAt);
      else this.#forget(from as WorkerPeer);
    } catch (error) {
      from.link.end(error as Error);
    }
  }

  #forget(worker: WorkerPeer): void {
    this.#workers.delete(worker);
    this.#router.forget(worker);
  }
}

function isToJoin(frame: Buffer): boolean {
  return kindOf(frame) === FrameKind.command && frame[FRAME_HEAD_BYTES + 4] === Audience.joining;
}
