/**
 * The uplink: this host among others. To the switch it is one more peer; what that relays to it is written to Redis once,
 * and what comes from Redis goes to the switch as from a worker. Runs in the primary; never decodes an event's arguments,
 * and nothing that Redis brings can make it throw.
 */
import type { KnownHosts } from "../../protocol/control.js";
import { FrameKind, FrameReader, kindOf, ProtocolError, type RoomName } from "../../protocol/frame.js";
import { Announcer } from "./announcer.js";
import { Answering } from "./answering.js";
import { Asking } from "./asking.js";
import type { ByteLink, Deliver, OpenLink, UplinkLog } from "./contract.js";
import { Forwarding } from "./forwarding.js";
import { FrameWriter } from "./frame-in.js";
import { type OutgoingBroadcast, readBroadcast, readCommand, readEvents, readRequest } from "./frame-out.js";
import { HostRegistry } from "./host-registry.js";
import { HostStore } from "./host-store.js";
import { RecentJoins } from "./recent-joins.js";
import { Subscriptions } from "./subscriptions.js";
import { type Farewell, Tally } from "./tally.js";
import type { Incoming, IncomingAnnouncement, Outgoing } from "./wire/message.js";
import type { Wire } from "./wire/wire.js";

export interface UplinkOptions {
  readonly wire: Wire;
  readonly openLink: OpenLink;
  /** Random per boot, as the wire writes it. */
  readonly uid: string;
  /** What the ids of this host's sessions begin with. */
  readonly hostTag: string;
  /** For people. */
  readonly hostId: string;
  readonly release: string;
  readonly maxMessageBytes: number;
  readonly prefix: string;
  readonly redisSecret: string | undefined;
  /** Whether the wire takes more than broadcasts from servers that know no secret. */
  readonly believesPlain: boolean;
  readonly log: UplinkLog;
}

export interface UplinkStatus {
  readonly state: "connecting" | "ready" | "down";
  /** This one and, while Redis is there, those that have told of themselves. */
  readonly hosts: number;
}

const TICK_MS = 1_000;

/** Told of each gap in what a host has sent that it keeps, or may keep; `upTo` as in Gap. */
type OnGap = (uid: string, upTo: number) => void;

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #wire: Wire;
  readonly #link: ByteLink;
  readonly #tally: Tally;
  readonly #frames = new FrameWriter();
  readonly #hosts = new HostRegistry();
  readonly #forwarding: Forwarding;
  readonly #subscriptions: Subscriptions;
  readonly #announcer: Announcer;
  readonly #asking: Asking;
  readonly #answering: Answering;
  readonly #recentJoins = new RecentJoins();
  readonly #ticker = setInterval(() => this.#tick(), TICK_MS);
  #deliver: Deliver = () => {};
  /** Where the host keeps what outlives it; undefined where it does not. */
  #store: HostStore | undefined;
  #onGap: OnGap = () => {};

  constructor(options: UplinkOptions) {
    const { wire, uid, log } = options;
    this.#options = options;
    this.#wire = wire;
    this.#tally = new Tally(log);
    this.#link = options.openLink({
      onMessage: (channel, message) => this.#onMessage(channel, message),
      onUp: (missed) => this.#onUp(missed),
      onConnect: (run) => this.#store?.listener.onConnect(run) ?? Promise.resolve(),
      onDown: () => this.#onDown(),
    });
    const share = (key: string, value: string) => this.#link.share(key, value);
    this.#forwarding = new Forwarding(options, share, this.#tally);
    this.#announcer = new Announcer((goodbye) => this.#announce(goodbye));
    this.#subscriptions = new Subscriptions(wire, this.#link, () => this.#announcer.soon());
    const deliver: Deliver = (frame) => this.#deliver(frame);
    const publish = (message: Outgoing) => this.#publish(message);
    const hostsServing = (namespace: string) => this.#hosts.serving(namespace);
    const takeCensus = (namespace: string, uids: readonly string[]) => this.#takeCensus(namespace, uids);
    const isReady = () => this.#link.state === "ready";
    const shared = { frames: this.#frames, deliver, publish };
    const { believesPlain } = options;
    this.#asking = new Asking({ ...shared, uid, mode: wire.mode, believesPlain, isReady, hostsServing, takeCensus });
    this.#answering = new Answering(shared);
  }

  get status(): UplinkStatus {
    const { state } = this.#link;
    // Those that were there may have gone since.
    return { state, hosts: state === "ready" ? this.#knownHosts : 1 };
  }

  get counters(): Readonly<Record<string, number>> {
    const { namespaces, rooms } = this.#subscriptions.sizes;
    return {
      uplinkHosts: this.#hosts.size,
      uplinkNamespaces: namespaces,
      uplinkRooms: rooms,
      uplinkRequestsAsked: this.#asking.size,
      uplinkRequestsAnswered: this.#answering.size,
      ...this.#link.counters,
      ...this.#tally.counters,
    };
  }

  get #knownHosts(): number {
    return 1 + this.#hosts.size;
  }

  /** To be called before `start`: where what comes from Redis goes. */
  deliverTo(deliver: Deliver): void {
    this.#deliver = deliver;
  }

  /** To be called before `start`: what is published waits until what is to outlive the host has left. */
  openStore(onGap: OnGap): HostStore {
    const { uid, prefix, redisSecret: secret } = this.#options;
    this.#onGap = onGap;
    this.#store = new HostStore(this.#link, { uid, prefix, secret });
    return this.#store;
  }

  /** Whom workers reach, and how; `onChange` hears of each change. */
  get knownHosts(): KnownHosts {
    return this.#forwarding.knownHosts;
  }

  tellHosts(onChange: (hosts: KnownHosts) => void): void {
    this.#forwarding.onChange = onChange;
  }

  /** Where requests for this host's sessions are taken; nowhere before it is called. */
  advertise(url: string): void {
    this.#forwarding.ownAddress = url;
    this.#announcer.now();
  }

  /** Resolves when Redis has answered, or cannot be reached and is not required. Rejects when it refuses us. */
  async start(): Promise<void> {
    const { hostChannel, pattern } = this.#wire;
    // They stay wanted while Redis is away; that they were confirmed is told by `onUp`.
    for (const wanted of [this.#link.subscribe([hostChannel]), pattern && this.#link.subscribePattern(pattern)]) {
      if (wanted) wanted.catch(() => {});
    }
    await this.#link.start();
  }

  /** Says goodbye to the other hosts. */
  async close(): Promise<void> {
    clearInterval(this.#ticker);
    this.#announcer.stop();
    this.flush();
    await this.#link.close();
  }

  /** A frame of a worker for other hosts, or an answer to what they asked. Throws ProtocolError. */
  relay(frame: Buffer, number?: number): boolean {
    try {
      this.#relay(frame, number);
      return true;
    } catch (error) {
      // What is wrong with the frame is its worker's fault; anything else is ours, and no worker is to end for it.
      if (error instanceof ProtocolError) throw error;
      this.#tally.failed(error);
      return false;
    }
  }

  done(id: number, answered: number, lost: number): void {
    this.#answering.onDone(id, answered, lost);
  }

  /** Who has asked hears nothing, and so has an error when its time is up, with what others have answered. */
  refuse(id: number): void {
    this.#tally.count("uplinkRequestsRefused");
    this.#answering.onRefused(id);
  }

  /** What is published in a tick leaves together already, unless something has to leave first. */
  flush(): void {
    this.#store?.flush();
  }

  /** The switch could not read a frame of ours; there is no link to end. */
  end(error?: Error): void {
    this.#tally.failed(error);
  }

  async count(namespace: string): Promise<number> {
    if (this.#link.state !== "ready") return 0;
    const plain = await this.#takeCensus(namespace, this.#hosts.serving(namespace));
    return this.#hosts.countWorkers(namespace) + plain;
  }

  hear(namespace: string, rooms: readonly RoomName[]): Promise<void> {
    return this.#subscriptions.hear(namespace, rooms);
  }

  onServers(namespace: string, workers: number): void {
    this.#subscriptions.setWorkers(namespace, workers);
  }

  onRoom(namespace: string, room: RoomName, hasMember: boolean): void {
    this.#subscriptions.setRoom(namespace, room, hasMember);
  }

  #relay(frame: Buffer, number: number | undefined): void {
    switch (kindOf(frame)) {
      case FrameKind.broadcast:
        return this.#broadcast(frame, number);
      case FrameKind.run:
        return this.#run(frame);
      case FrameKind.command:
        return this.#command(frame, number);
      case FrameKind.request:
        return this.#asking.ask(readRequest(frame));
      case FrameKind.response:
        return this.#onAnswer(new FrameReader(frame));
    }
  }

  #broadcast(frame: Buffer, number: number | undefined): void {
    const message = readBroadcast(frame);
    if (message) this.#publish(numbered(this.#addressed(message), number));
  }

  #run(frame: Buffer): void {
    for (const message of readEvents(frame)) this.#publish(this.#addressed(message));
  }

  #addressed(message: OutgoingBroadcast): OutgoingBroadcast {
    const everywhere = this.#recentJoins.has(message.namespace, performance.now());
    return everywhere ? { ...message, everywhere } : message;
  }

  #command(frame: Buffer, number: number | undefined): void {
    const message = readCommand(frame);
    if (!message) return;
    if (message.kind === "command" && message.command.name === "join") {
      this.#recentJoins.add(message.namespace, performance.now());
    }
    this.#publish(numbered(message, number));
  }

  #onAnswer(read: FrameReader): void {
    const id = read.number();
    read.byte();
    read.byte();
    this.#answering.onResponse(id, read.rest());
  }

  #publish(message: Outgoing): boolean {
    // What waits may be dropped.
    this.#wire.setFlowing(this.#link.isFree);
    const { channel, bytes } = this.#wire.write(message);
    if (bytes.length > this.#options.maxMessageBytes) {
      this.#tally.count("uplinkTooLargeToSend");
      return false;
    }
    this.#tally.count("uplinkPublished");
    return this.#store ? this.#store.publish(channel, bytes) : this.#link.publish(channel, bytes);
  }

  #announce(goodbye: boolean): number {
    const { hostTag: tag, hostId, release } = this.#options;
    const address = this.#forwarding.ownAddress;
    const workers = goodbye ? new Map<string, number>() : this.#subscriptions.workers();
    const { channel, bytes } = this.#wire.writeAnnouncement({ tag, address, hostId, release, goodbye, workers });
    // A backlog of these would tell what is long over.
    if (this.#link.state === "ready") this.#link.publish(channel, bytes);
    return bytes.length;
  }

  #onMessage(channel: string, bytes: Buffer): void {
    if (channel === this.#store?.ownChannel) return this.#store.listener.onMessage(bytes);
    this.#tally.count("uplinkReceived");
    const message = this.#wire.read(channel, bytes);
    const host = "host" in message ? message.host : undefined;
    if (host && host.gap.missed > 0) {
      this.#tally.gap(this.#hosts.nameOf(host.uid), host.gap.missed);
      if (host.gap.upTo > 0) this.#onGap(host.uid, host.gap.upTo);
    }
    if (host && host.number > 0) this.#deliver(this.#frames.origin(host.uid, host.number));
    this.#dispatch(message);
  }

  #dispatch(message: Incoming): void {
    switch (message.kind) {
      case "broadcast":
        return this.#deliver(this.#frames.broadcast(message));
      case "command":
        return this.#deliver(this.#frames.command(message));
      case "event":
        return this.#deliver(this.#frames.event(message));
      case "request":
        if (!this.#answering.onRequest(message)) this.#tally.count("uplinkRequestsRefused");
        return;
      case "response":
        return this.#asking.onResponse(message);
      case "announcement":
        return this.#onAnnouncement(message);
      case "refused":
        return this.#tally.refused(message);
      case "own":
        return;
      default:
        message satisfies never;
    }
  }

  #onAnnouncement(word: IncomingAnnouncement): void {
    const change = this.#hosts.heard(word);
    if (change === "ignored") return this.#tally.count("uplinkHostsIgnored");
    this.#forwarding.heard(word, change === "new");
    if (change === "new") {
      this.#tally.hostCame(word, this.#knownHosts);
      this.#announcer.soon();
    }
    if (change === "gone") this.#onHostGone(word, "goodbye");
  }

  #onHostGone(word: Pick<IncomingAnnouncement, "uid" | "hostId">, why: Farewell): void {
    this.#tally.hostWent(word, this.#knownHosts, why);
    this.#asking.hostGone(word.uid);
  }

  #onUp(missed: boolean): void {
    if (missed) this.#tally.gap(undefined, undefined);
    this.#announcer.now();
    this.#forwarding.agree();
    this.#store?.listener.onUp(missed);
  }

  #onDown(): void {
    this.#wire.setFlowing(false);
    this.#store?.listener.onDown();
    this.#tally.count("uplinkRequestsCutShort", this.#asking.cutShort());
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const gone of this.#hosts.tick()) this.#onHostGone(gone, "silent");
    if (this.#link.state === "ready") this.#forwarding.tick();
    this.#asking.sweep(nowMs);
    this.#answering.sweep(nowMs);
    this.#recentJoins.sweep(nowMs);
  }

  /**
   * Asks Redis who is there: the number of plain servers, and which of these hosts are dead: nobody hears what is for them
   * alone. Ghosts, whose end Redis has not noticed, are subscribed to both channels that are counted, and cancel out.
   */
  async #takeCensus(namespace: string, uids: readonly string[]): Promise<number> {
    const { all, holdfast } = this.#wire.countedChannels(namespace);
    const own = uids.map((uid) => this.#wire.answerChannel(namespace, uid));
    try {
      const [servers = 0, hosts = 0, ...alive] = await this.#link.countSubscribers([all, holdfast, ...own]);
      for (const uid of uids.filter((_, i) => alive[i] === 0)) this.#onHostDead(uid);
      return Math.max(0, servers - hosts);
    } catch {
      this.#tally.count("uplinkCountsFailed");
      return 0;
    }
  }

  #onHostDead(uid: string): void {
    const host = this.#hosts.remove(uid);
    if (host) this.#onHostGone(host, "dead");
  }
}

/** Under which number it is kept here, so that others know where it stands. */
function numbered<M extends Outgoing>(message: M, number: number | undefined): M {
  return number === undefined ? message : { ...message, host: { ...message.host, number } };
}
