/**
 * Where a frame goes: to the workers that have a member of what is addressed, and to the uplink, which is one more peer
 * that may have a member of any room and serves any namespace. Runs in the primary, part of the switch; reads ids and
 * addresses.
 */
import { withExcept, withoutPacked } from "../../protocol/content.js";
import { Audience, FrameKind, FrameReader, kindOf, type RoomName, replaceId } from "../../protocol/frame.js";
import { broadcastsOf } from "../../protocol/run.js";
import type { Keep } from "./keeper.js";
import { type Outcome, PendingRequests } from "./pending-requests.js";
import type { HostObserver, RoomTable } from "./room-table.js";

/** What the router does with a peer's link. */
export interface PeerLink {
  /** Tells the number of the frame that is relayed next, where the peer is a worker. */
  number?(number: number): void;
  /** Takes a whole frame; false when it cannot. `number`: under which the uplink's is kept here, if it is. */
  relay(frame: Buffer, number?: number): boolean;
  /** Nobody will answer the peer's request any more. */
  done(id: number, answered: number, lost: number): void;
  /** Nobody was asked: too many of the peer's requests are under way. */
  refuse(id: number): void;
  /** Sends what it was given since the last time. */
  flush(): void;
  end(error?: Error): void;
}

export interface Peer {
  readonly link: PeerLink;
  /** Of who keeps what its sessions need to come back. */
  readonly keep?: Keep | undefined;
}

/**
 * The other hosts, as the switch sees them: a peer that is sent what workers are sent, with what was packed for it. A
 * frame is to be used before `relay` returns.
 */
export interface UplinkEnd extends PeerLink, HostObserver {
  /** How many servers of the namespace there are on other hosts. */
  count(namespace: string): Promise<number>;
  /** Resolves when what other hosts send to the rooms comes here, or will not be waited for. */
  hear(namespace: string, rooms: readonly RoomName[]): Promise<void>;
}

export class Router {
  readonly #rooms: RoomTable<Peer>;
  readonly #isKept: () => boolean;
  readonly #requests = new PendingRequests<Peer>();
  readonly #touched = new Set<PeerLink>();
  #uplink: Peer | undefined;
  #end: UplinkEnd | undefined;
  #relayed = 0;
  #dropped = 0;
  #refused = 0;
  #behind = 0;

  /** `isKept`: events are numbered and kept, each by itself. */
  constructor(rooms: RoomTable<Peer>, isKept: () => boolean) {
    this.#rooms = rooms;
    this.#isKept = isKept;
  }

  get counters(): Readonly<Record<string, number>> {
    return {
      switchRequests: this.#requests.size,
      switchFramesRelayed: this.#relayed,
      switchFramesDropped: this.#dropped,
      switchRequestsRefused: this.#refused,
      switchLinksTooFarBehind: this.#behind,
    };
  }

  /** `keep` hears of what comes from other hosts. */
  attach(end: UplinkEnd, keep?: Keep): Peer {
    this.#end = end;
    this.#uplink = { link: end, keep };
    return this.#uplink;
  }

  /** `readAt`: see Keep. */
  relay(from: Peer, frame: Buffer, readAt: number): void {
    const read = new FrameReader(frame);
    switch (kindOf(frame)) {
      case FrameKind.broadcast:
        return this.#broadcast(from, frame, read);
      case FrameKind.run:
        return this.#run(from, frame, read);
      case FrameKind.command:
        return this.#command(from, frame, read);
      case FrameKind.request:
        return this.#request(from, frame, read);
      case FrameKind.response:
        return this.#response(from, frame, read);
      case FrameKind.cancel:
        return this.#requests.cancel(from, read.number());
      case FrameKind.count:
        return this.#count(from, read.number(), read.text());
      case FrameKind.hear:
        return this.#hear(from, read.number(), read.text(), read.rooms());
      default:
        return from.keep?.onFrame(frame, readAt);
    }
  }

  /** Sends what has been relayed since the last time, in one write for each link. First what is to outlive this host. */
  flush(): void {
    this.#end?.flush();
    for (const link of this.#touched) link.flush();
    this.#touched.clear();
  }

  /** The peer has gone: nobody waits for it. */
  forget(peer: Peer): void {
    this.#rooms.drop(peer);
    peer.keep?.onGone();
    for (const outcome of this.#requests.drop(peer)) this.#tellDone(outcome);
  }

  sweep(nowMs: number): void {
    this.#requests.sweep(nowMs);
  }

  #broadcast(from: Peer, frame: Buffer, read: FrameReader): void {
    read.number();
    const namespace = read.text();
    const rooms = read.rooms();
    const relayed = this.#withExcept(from, frame, namespace);
    const number = from.keep?.onBroadcast(frame, namespace, rooms);
    const stripped = this.#sendElsewhere(from, relayed, number);
    for (const worker of this.#rooms.members(namespace, rooms, from)) this.#sendNumbered(worker, stripped, number);
  }

  /** One relaying for all; the sender does not number its events, else there were no run. */
  #run(from: Peer, frame: Buffer, read: FrameReader): void {
    read.number();
    const namespace = read.text();
    const rooms = read.rooms();
    const stripped = this.#sendElsewhere(from, frame);
    const workers = this.#rooms.members(namespace, rooms, from);
    if (!this.#isKept()) {
      for (const worker of workers) this.#send(worker, stripped);
      return;
    }
    for (const broadcast of broadcastsOf(stripped)) {
      const number = from.keep?.onBroadcast(broadcast, namespace, rooms);
      for (const worker of workers) this.#sendNumbered(worker, broadcast, number);
    }
  }

  #command(from: Peer, frame: Buffer, read: FrameReader): void {
    read.number();
    const audience = read.byte();
    const namespace = read.text();
    const targets = this.#audience(from, audience, namespace, read);
    const relayed = this.#withExcept(from, frame, namespace);
    const number = from.keep?.onCommand(frame);
    const stripped = this.#sendElsewhere(from, relayed, number);
    const taken = targets.filter((target) => this.#sendNumbered(target, stripped, number));
    if (audience === Audience.joining) for (const target of taken) this.#rooms.expectJoins(target, namespace);
  }

  #audience(from: Peer, audience: number, namespace: string, read: FrameReader): Peer[] {
    return audience === Audience.namespace
      ? this.#rooms.servers(namespace, from)
      : this.#rooms.members(namespace, read.rooms(), from);
  }

  #request(from: Peer, frame: Buffer, read: FrameReader): void {
    const originId = read.number();
    read.number();
    const timeoutMs = read.number();
    const responders = this.#audience(from, read.byte(), read.text(), read);
    const others = this.#others(from);
    const asked = others ? [...responders, others] : responders;
    if (asked.length === 0) return this.#done(from, originId, 0, 0);
    const id = this.#requests.add(from, originId, asked, timeoutMs, performance.now());
    if (id === undefined) {
      this.#refused++;
      from.link.refuse(originId);
      return void this.#touched.add(from.link);
    }
    replaceId(frame, id);
    const stripped = this.#sendElsewhere(from, frame);
    const taken = new Set(responders.filter((responder) => this.#send(responder, stripped)));
    for (const peer of asked) if (!taken.has(peer) && peer !== others) this.#tellDone(this.#requests.lost(id, peer));
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

  #count(from: Peer, id: number, namespace: string): void {
    const here = this.#rooms.servers(namespace, from).length;
    if (!this.#end) return this.#done(from, id, here, 0);
    void this.#end.count(namespace).then((elsewhere) => this.#doneLater(from, id, here + elsewhere));
  }

  #hear(from: Peer, id: number, namespace: string, rooms: readonly RoomName[]): void {
    if (!this.#end) return this.#done(from, id, 0, 0);
    void this.#end.hear(namespace, rooms).then(() => this.#doneLater(from, id, 0));
  }

  #doneLater(to: Peer, id: number, answered: number): void {
    to.link.done(id, answered, 0);
    to.link.flush();
  }

  #tellDone(outcome: Outcome<Peer> | undefined): void {
    if (outcome) this.#done(outcome.origin, outcome.originId, outcome.answered, outcome.lost);
  }

  #done(to: Peer, originId: number, answered: number, lost: number): void {
    to.link.done(originId, answered, lost);
    this.#touched.add(to.link);
  }

  /** The uplink, for what does not come from there. */
  #others(from: Peer): Peer | undefined {
    return from === this.#uplink ? undefined : this.#uplink;
  }

  /** To other hosts; what is to go to workers afterwards. */
  #sendElsewhere(from: Peer, frame: Buffer, number?: number): Buffer {
    const others = this.#others(from);
    if (others) this.#send(others, frame, number);
    return withoutPacked(frame);
  }

  #withExcept(from: Peer, frame: Buffer, namespace: string): Buffer {
    const ids = from.keep?.exceptFor(namespace) ?? [];
    return ids.length === 0 ? frame : withExcept(frame, ids);
  }

  /** What can be replayed must not be missing in what a client has got up to a number; then rather the worker is. */
  #sendNumbered(to: Peer, frame: Buffer, number: number | undefined): boolean {
    if (number === undefined) return this.#send(to, frame);
    to.link.number?.(number);
    const sent = this.#send(to, frame);
    if (sent) return true;
    this.#behind++;
    to.link.end(new LinkBehindError());
    return false;
  }

  #send(to: Peer, frame: Buffer, number?: number): boolean {
    const taken = to.link.relay(frame, number);
    if (taken) this.#relayed++;
    else this.#dropped++;
    this.#touched.add(to.link);
    return taken;
  }
}

/** With recovery on, a worker that does not read is replaced: its clients come back to others and miss nothing. */
export class LinkBehindError extends Error {
  override readonly name = "LinkBehindError";
  readonly code = "HOLDFAST_LINK_BEHIND";

  constructor() {
    super("the worker has not read what others sent to it: it is replaced, and its clients recover");
  }
}
