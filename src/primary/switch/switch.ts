/**
 * The switch: relays opaque frames between the links of the workers that have a member of what is addressed, and keeps
 * track of the requests in flight. Runs in the primary. It reads kinds, ids and addresses, never an event's arguments.
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
import {
  Audience,
  FRAME_HEAD_BYTES,
  FrameKind,
  FrameReader,
  kindOf,
  ProtocolError,
  replaceId,
} from "../../protocol/frame.js";
import { type Outcome, PendingRequests } from "./pending-requests.js";
import { type Item, RelayQueue } from "./relay-queue.js";
import { RoomTable } from "./room-table.js";
import { WorkerLink } from "./worker-link.js";

/** What the switch reads on a link but others act on. */
export interface LinkListener {
  onMessage(message: WorkerMessage): void;
  onTaken(sequence: number, found: boolean): void;
  onClosed(sequences: readonly number[]): void;
  /** The link has been read to its end. With an error: what came was not of the protocol, and the worker must go. */
  onEnd(error?: Error): void;
}

export interface SwitchLink {
  send(message: PrimaryMessage): void;
  end(): void;
  readonly queuedBytes: number;
}

/** One worker, as the switch sees it. Not a "member": those are sockets in a room. */
interface Peer {
  readonly link: WorkerLink;
  readonly listener: LinkListener;
  greeted: boolean;
}

interface Received extends Item {
  readonly from: Peer;
  /** Undefined: the link has ended. */
  readonly frame: Buffer | undefined;
}

/** The longest is an app's error with its stack; parsing much more would hold up everybody. */
const MAX_CONTROL_BYTES = 256 * 1024;
const SWEEP_INTERVAL_MS = 1_000;

export class Switch {
  readonly #rooms = new RoomTable<Peer>();
  readonly #requests = new PendingRequests<Peer>();
  readonly #peers = new Set<Peer>();
  readonly #touched = new Set<WorkerLink>();
  readonly #sweeper = setInterval(() => this.#requests.sweep(performance.now()), SWEEP_INTERVAL_MS).unref();
  readonly #queue = new RelayQueue<Received>();
  #turning = false;
  #relayed = 0;
  #dropped = 0;
  #refused = 0;

  get counters(): Readonly<Record<string, number>> {
    const { namespaces, rooms } = this.#rooms.sizes;
    return {
      switchLinks: this.#peers.size,
      switchNamespaces: namespaces,
      switchRooms: rooms,
      switchRequests: this.#requests.size,
      switchFramesRelayed: this.#relayed,
      switchFramesDropped: this.#dropped,
      switchRequestsRefused: this.#refused,
    };
  }

  connect(stream: Duplex, listener: LinkListener): SwitchLink {
    const link = new WorkerLink(stream, {
      onFrame: (frame) => this.#onFrame(peer, frame),
      onEnd: (error) => {
        this.#receive({ from: peer, frame: undefined, joins: false });
        listener.onEnd(error);
      },
    });
    const peer: Peer = { link, listener, greeted: false };
    this.#peers.add(peer);
    return link;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const peer of this.#peers) peer.link.end();
  }

  #onFrame(from: Peer, frame: Buffer): void {
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
      case FrameKind.open:
        return this.#rooms.open(from, read.text());
      case FrameKind.shut:
        return this.#rooms.shut(from, read.text());
      case FrameKind.join:
        return this.#rooms.join(from, read.text(), read.rooms());
      case FrameKind.leave:
        return this.#rooms.leave(from, read.text(), read.rooms());
      case FrameKind.joined:
        return this.#rooms.joined(from, read.text());
      case FrameKind.broadcast:
      case FrameKind.command:
      case FrameKind.request:
      case FrameKind.response:
      case FrameKind.cancel:
      case FrameKind.count:
        return this.#receive({ from, frame, joins: isToJoin(frame) });
      default:
        throw new ProtocolError(`unknown kind ${kind}`);
    }
  }

  #onControl(from: Peer, text: string): void {
    const message = parseWorkerMessage(text);
    if (!message) throw new ProtocolError("a control message that is none");
    if (message.type === "hello" && message.version !== PROTOCOL_VERSION) {
      throw new ProtocolError(`the worker speaks version ${message.version}, this primary ${PROTOCOL_VERSION}`);
    }
    if (!from.greeted && message.type !== "hello") throw new ProtocolError(`${message.type} before hello`);
    from.greeted = true;
    from.listener.onMessage(message);
  }

  #receive(received: Received): void {
    this.#queue.push(received);
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
    for (const link of this.#touched) link.flush();
    this.#touched.clear();
  };

  #relayOrEnd({ from, frame }: Received): void {
    if (!this.#peers.has(from)) return;
    try {
      if (frame) this.#relay(from, frame);
      else this.#forget(from);
    } catch (error) {
      from.link.end(error as Error);
    }
  }

  #forget(peer: Peer): void {
    this.#peers.delete(peer);
    this.#rooms.drop(peer);
    for (const outcome of this.#requests.drop(peer)) this.#tellDone(outcome);
  }

  #relay(from: Peer, frame: Buffer): void {
    const read = new FrameReader(frame);
    switch (kindOf(frame)) {
      case FrameKind.broadcast:
        return this.#sendAll(this.#rooms.members(read.text(), read.rooms(), from), frame);
      case FrameKind.command:
        return this.#command(from, frame, read);
      case FrameKind.request:
        return this.#request(from, frame, read);
      case FrameKind.response:
        return this.#response(from, frame, read);
      case FrameKind.cancel:
        return this.#requests.cancel(from, read.number());
      case FrameKind.count:
        return this.#done(from, read.number(), this.#rooms.servers(read.text(), from).length, 0);
    }
  }

  #command(from: Peer, frame: Buffer, read: FrameReader): void {
    const audience = read.byte();
    const namespace = read.text();
    for (const target of this.#audience(from, audience, namespace, read)) {
      if (this.#send(target, frame) && audience === Audience.joining) this.#rooms.expectJoins(target, namespace);
    }
  }

  #audience(from: Peer, audience: number, namespace: string, read: FrameReader): Peer[] {
    return audience === Audience.namespace
      ? this.#rooms.servers(namespace, from)
      : this.#rooms.members(namespace, read.rooms(), from);
  }

  #request(from: Peer, frame: Buffer, read: FrameReader): void {
    const originId = read.number();
    const timeoutMs = read.number();
    const responders = this.#audience(from, read.byte(), read.text(), read);
    if (responders.length === 0) return this.#done(from, originId, 0, 0);
    const id = this.#requests.add(from, originId, responders, timeoutMs, performance.now());
    if (id === undefined) {
      this.#refused++;
      return this.#done(from, originId, 0, responders.length);
    }
    replaceId(frame, id);
    for (const responder of responders) {
      if (!this.#send(responder, frame)) this.#tellDone(this.#requests.lost(id, responder));
    }
  }

  #response(from: Peer, frame: Buffer, read: FrameReader): void {
    const id = read.number();
    const last = read.byte() === 1;
    const waiting = this.#requests.originOf(id, from);
    if (!waiting) return;
    replaceId(frame, waiting.originId);
    this.#send(waiting.origin, frame);
    if (last) this.#tellDone(this.#requests.answered(id, from));
  }

  #tellDone(outcome: Outcome<Peer> | undefined): void {
    if (outcome) this.#done(outcome.origin, outcome.originId, outcome.answered, outcome.lost);
  }

  #done(to: Peer, originId: number, answered: number, lost: number): void {
    to.link.done(originId, answered, lost);
    this.#touched.add(to.link);
  }

  #sendAll(targets: readonly Peer[], frame: Buffer): void {
    for (const target of targets) this.#send(target, frame);
  }

  #send(to: Peer, frame: Buffer): boolean {
    const taken = to.link.relay(frame);
    if (taken) this.#relayed++;
    else this.#dropped++;
    this.#touched.add(to.link);
    return taken;
  }
}

function isToJoin(frame: Buffer): boolean {
  return kindOf(frame) === FrameKind.command && frame[FRAME_HEAD_BYTES] === Audience.joining;
}
