/**
 * The switch: relays opaque frames between the links of the workers that have a member of what is addressed, and keeps
 * track of the requests in flight. Runs in the primary. It reads kinds, ids and addresses, never an event's arguments.
 *
 * A join that a client has been told of must be known before anything addressed to that room is relayed. The worker does
 * its part (its link bytes are in the kernel before its client bytes), but one poll may return a later frame of one link
 * before an earlier join of another. So room changes are applied as they are read, and everything else is relayed after
 * one more poll of all links.
 */
import type { Duplex } from "node:stream";
import {
  PROTOCOL_VERSION,
  type PrimaryMessage,
  parseWorkerMessage,
  type WorkerMessage,
} from "../../protocol/control.js";
import { Audience, FrameKind, FrameReader, kindOf, ProtocolError, replaceId } from "../../protocol/frame.js";
import { type Outcome, PendingRequests } from "./pending-requests.js";
import { RoomTable } from "./room-table.js";
import { WorkerLink } from "./worker-link.js";

/** What the switch reads on a link but others act on. */
export interface LinkListener {
  onMessage(message: WorkerMessage): void;
  onTaken(sequence: number, found: boolean): void;
  onClosed(count: number): void;
  /** The link has been read to its end. With an error: what came was not of the protocol, and the worker must go. */
  onEnd(error?: Error): void;
}

export interface SwitchLink {
  send(message: PrimaryMessage): void;
  end(): void;
  readonly queuedBytes: number;
}

interface Member {
  readonly link: WorkerLink;
  readonly listener: LinkListener;
  greeted: boolean;
}

interface Arrival {
  readonly from: Member;
  /** Undefined: the link has ended. */
  readonly frame: Buffer | undefined;
}

/**
 * The least time between two relays. A lone frame is not delayed; a stream of them costs a worker, and the primary, one
 * wake-up and one write for all that came in between, which is most of what a broadcast costs.
 */
const COALESCE_MS = 1;
const SWEEP_INTERVAL_MS = 1_000;

export class Switch {
  readonly #coalesceMs: number;
  readonly #rooms = new RoomTable<Member>();
  readonly #requests = new PendingRequests<Member>();
  readonly #members = new Set<Member>();
  readonly #touched = new Set<WorkerLink>();
  readonly #sweeper = setInterval(() => this.#requests.sweep(performance.now()), SWEEP_INTERVAL_MS).unref();
  /** Read since the last poll; and read before it, so that every join written before them has been applied. */
  #fresh: Arrival[] = [];
  #settled: Arrival[] = [];
  #turning = false;
  #relayedAtMs = 0;
  #relayed = 0;
  #dropped = 0;
  #refused = 0;

  constructor({ coalesceMs = COALESCE_MS } = {}) {
    this.#coalesceMs = coalesceMs;
  }

  get counters(): Readonly<Record<string, number>> {
    const { namespaces, rooms } = this.#rooms.sizes;
    return {
      switchLinks: this.#members.size,
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
      onFrame: (frame) => this.#onFrame(member, frame),
      onEnd: (error) => {
        this.#queue({ from: member, frame: undefined });
        listener.onEnd(error);
      },
    });
    const member: Member = { link, listener, greeted: false };
    this.#members.add(member);
    return link;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const member of this.#members) member.link.end();
  }

  #onFrame(from: Member, frame: Buffer): void {
    const kind = kindOf(frame);
    if (!from.greeted && kind !== FrameKind.control) throw new ProtocolError(`kind ${kind} before hello`);
    const read = new FrameReader(frame);
    switch (kind) {
      case FrameKind.control:
        return this.#onControl(from, read.text());
      case FrameKind.taken:
        return from.listener.onTaken(read.number(), read.byte() === 1);
      case FrameKind.closed:
        return from.listener.onClosed(read.number());
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
        return this.#queue({ from, frame });
      default:
        throw new ProtocolError(`unknown kind ${kind}`);
    }
  }

  #onControl(from: Member, text: string): void {
    const message = parseWorkerMessage(text);
    if (!message) throw new ProtocolError("a control message that is none");
    if (message.type === "hello" && message.version !== PROTOCOL_VERSION) {
      throw new ProtocolError(`the worker speaks version ${message.version}, this primary ${PROTOCOL_VERSION}`);
    }
    if (!from.greeted && message.type !== "hello") throw new ProtocolError(`${message.type} before hello`);
    from.greeted = true;
    from.listener.onMessage(message);
  }

  #queue(arrival: Arrival): void {
    this.#fresh.push(arrival);
    if (!this.#turning) this.#schedule();
  }

  /** At once, unless frames come so fast that several can share the wake-up of a worker. */
  #schedule(): void {
    this.#turning = true;
    const waitMs = this.#relayedAtMs + this.#coalesceMs - performance.now();
    if (waitMs <= 0) setImmediate(this.#settle);
    else setTimeout(this.#settle, waitMs);
  }

  /** What has been read so far is relayed after the poll that comes next. */
  readonly #settle = (): void => {
    this.#settled = this.#fresh;
    this.#fresh = [];
    setImmediate(this.#relayAll);
  };

  readonly #relayAll = (): void => {
    for (const arrival of this.#settled) this.#relayOrEnd(arrival);
    this.#settled = [];
    for (const link of this.#touched) link.flush();
    this.#touched.clear();
    this.#relayedAtMs = performance.now();
    this.#turning = false;
    if (this.#fresh.length > 0) this.#schedule();
  };

  #relayOrEnd({ from, frame }: Arrival): void {
    if (!this.#members.has(from)) return;
    try {
      if (frame) this.#relay(from, frame);
      else this.#forget(from);
    } catch (error) {
      from.link.end(error as Error);
    }
  }

  #forget(member: Member): void {
    this.#members.delete(member);
    this.#rooms.drop(member);
    for (const outcome of this.#requests.drop(member)) this.#tellDone(outcome);
  }

  #relay(from: Member, frame: Buffer): void {
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

  #command(from: Member, frame: Buffer, read: FrameReader): void {
    const audience = read.byte();
    const namespace = read.text();
    for (const target of this.#audience(from, audience, namespace, read)) {
      if (this.#send(target, frame) && audience === Audience.joining) this.#rooms.expectJoins(target, namespace);
    }
  }

  #audience(from: Member, audience: number, namespace: string, read: FrameReader): Member[] {
    return audience === Audience.namespace
      ? this.#rooms.servers(namespace, from)
      : this.#rooms.members(namespace, read.rooms(), from);
  }

  #request(from: Member, frame: Buffer, read: FrameReader): void {
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

  #response(from: Member, frame: Buffer, read: FrameReader): void {
    const id = read.number();
    const last = read.byte() === 1;
    const waiting = this.#requests.originOf(id, from);
    if (!waiting) return;
    replaceId(frame, waiting.originId);
    this.#send(waiting.origin, frame);
    if (last) this.#tellDone(this.#requests.answered(id, from));
  }

  #tellDone(outcome: Outcome<Member> | undefined): void {
    if (outcome) this.#done(outcome.origin, outcome.originId, outcome.answered, outcome.lost);
  }

  #done(to: Member, originId: number, answered: number, lost: number): void {
    to.link.done(originId, answered, lost);
    this.#touched.add(to.link);
  }

  #sendAll(targets: readonly Member[], frame: Buffer): void {
    for (const target of targets) this.#send(target, frame);
  }

  #send(to: Member, frame: Buffer): boolean {
    const taken = to.link.relay(frame);
    if (taken) this.#relayed++;
    else this.#dropped++;
    this.#touched.add(to.link);
    return taken;
  }
}
