/**
 * Accepts connections, reads each until its request target is known, and hands it to a worker: the owner of the session
 * it names, or the one that the balance policy chooses. Where TLS is spoken it reads no more than that. Runs in the primary
 * and wires the parts beside it. It knows no path and no header, reads no body, and takes no notice of processes: who may
 * be given work it is told.
 */
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Settings } from "../../config/settings.js";
import type { Origins } from "../../protocol/cross-origin.js";
import type { PassMessage } from "../../protocol/hand-off.js";
import { type Trust, trustOf } from "../../protocol/network.js";
import { type Peer, parsePeer } from "../../protocol/peer.js";
import { sessionIdOf } from "../../protocol/request-target.js";
import { type HostTag, ownerOf } from "../../protocol/session-id.js";
import { AcceptErrorLog, type AcceptorLog } from "./accept-error-log.js";
import { Admission, type AdmissionLimits } from "./admission.js";
import { type Arrival, type Caller, type OwnerKey, ownerKey } from "./arrival.js";
import { createBalance } from "./balance.js";
import type { HandOffTarget } from "./hand-off-queue.js";
import { type HeadLimits, Heads } from "./heads.js";
import { type ListenWhere, listen } from "./listener.js";
import { Placement } from "./placement.js";
import { stopReading } from "./reading.js";
import { Refusals } from "./refusal.js";
import { RequestLine } from "./request-line.js";
import { Expectations } from "./tls-expectation.js";

export interface AcceptorOptions extends HeadLimits, AdmissionLimits {
  /** Session ids of other tags are nobody's here. */
  readonly hostTag: HostTag;
  readonly balance: Settings["balance"];
  /** Pages that may read the primary's own errors. */
  readonly corsOrigins?: Origins;
  readonly trustProxy?: readonly string[];
  /** Trusted proxies begin each connection with a PROXY header. */
  readonly proxyProtocol?: boolean;
  readonly log: AcceptorLog;
}

const SWEEP_INTERVAL_MS = 250;
/** How long a stop waits for requests that have not begun. */
const SETTLE_SILENT_MS = 100;
const SETTLE_STEP_MS = 10;

export class Acceptor {
  readonly #hostTag: HostTag;
  readonly #refusals = new Refusals();
  readonly #admission: Admission;
  readonly #placement: Placement;
  readonly #heads: Heads;
  readonly #acceptErrors: AcceptErrorLog;
  readonly #expectations = new Expectations();
  readonly #tls: boolean;
  readonly #servers: Server[] = [];
  #sweeper: NodeJS.Timeout | undefined;
  #closing = false;
  #accepted = 0;
  #passed = 0;

  constructor(options: AcceptorOptions) {
    this.#hostTag = options.hostTag;
    this.#tls = options.tls ?? false;
    this.#acceptErrors = new AcceptErrorLog(options.log);
    const trust = trustOf(options.trustProxy ?? []);
    this.allowOrigins(options.corsOrigins ?? []);
    this.#admission = new Admission(options, trust);
    this.#placement = new Placement(createBalance(options.balance), (arrival) => this.#turnAway(arrival));
    this.#heads = this.#createHeads(options, trust);
  }

  get counters(): Readonly<Record<string, number>> {
    const { targets, held, pending, placed, resent } = this.#placement.sizes;
    const { connections, address, rate } = this.#admission.refused;
    const { 400: malformed, 408: late, 431: tooLarge, 503: unavailable } = this.#refusals.counts;
    return {
      acceptorAccepted: this.#accepted,
      acceptorAcceptErrors: this.#acceptErrors.count,
      acceptorHandedOff: placed,
      acceptorHandedOffAgain: resent,
      acceptorPassedOn: this.#passed,
      acceptorRefused400: malformed,
      acceptorRefused408: late,
      acceptorRefused431: tooLarge,
      acceptorRefused503: unavailable,
      acceptorRefusedConnections: connections,
      acceptorRefusedConnectionsPerIp: address,
      acceptorRefusedConnectRate: rate,
      acceptorClosedSilent: this.#heads.silent,
      acceptorClosedAlien: this.#heads.alien,
      acceptorExpecting: this.#expectations.size,
      acceptorClosedMisproxied: this.#heads.misproxied,
      acceptorOpen: this.#admission.open,
      acceptorAddresses: this.#admission.groups,
      acceptorHeads: this.#heads.size,
      acceptorHeld: held,
      acceptorPending: pending,
      acceptorLingering: this.#refusals.lingering,
      acceptorTargets: targets,
    };
  }

  /** Gives the URLs, in the order of the addresses. Rejects with ListenError, and then listens nowhere. */
  async listen(addresses: readonly ListenWhere[]): Promise<string[]> {
    try {
      const urls = [];
      for (const where of addresses) urls.push(await this.#open(where));
      this.#sweeper = setInterval(() => this.#sweep(performance.now()), SWEEP_INTERVAL_MS).unref();
      return urls;
    } catch (error) {
      this.#stopListening();
      throw error;
    }
  }

  /** Pages of these may read the primary's own errors from now on. */
  allowOrigins(origins: Origins): void {
    this.#refusals.origins = origins;
  }

  /** A worker takes connections: it became ready, or answers again. */
  add(target: HandOffTarget): void {
    this.#placement.add(target);
  }

  /** A worker is stuck: nothing new until `add`; what belongs to its sessions waits for it. */
  suspend(target: HandOffTarget): void {
    this.#placement.bind(target);
  }

  /** A worker drains: only what belongs to its own sessions from now on. */
  retire(target: HandOffTarget): void {
    this.#expectations.forget(ownerKey(target));
    this.#placement.bind(target);
  }

  /** A worker is dead and its link read out: what it had not confirmed goes to others. */
  remove(target: HandOffTarget): void {
    this.#expectations.forget(ownerKey(target));
    this.#placement.remove(target);
  }

  /** The worker's word for one hand-off; `found` false: the connection did not reach it. */
  taken(target: HandOffTarget, sequence: number, found: boolean): void {
    this.#placement.settle(target, sequence, found);
  }

  /** A worker had it, and found that its next request is of another worker's session. */
  takeBack(target: HandOffTarget, { sequence, data, peer }: PassMessage, socket: Socket): void {
    const bytes = Buffer.from(data, "latin1");
    const line = new RequestLine();
    if (line.read(bytes) !== "complete" || !stopReading(socket)) return void socket.destroy();
    this.#passed++;
    this.#placement.left(target, sequence);
    const caller = this.#receive(socket, peer === undefined ? undefined : parsePeer(peer));
    // Its client is in already.
    if (!this.#identify(caller)) return;
    caller.visit.admit();
    this.#placement.place({ ...caller, bytes, owner: this.#ownerOf(line.target), attempts: 0, passed: true });
  }

  /** Connections that the worker took have closed; named by their hand-offs' sequence numbers. */
  closed(target: HandOffTarget, sequences: readonly number[]): void {
    this.#placement.closed(target, sequences);
  }

  /** The worker's word: a client at that address will open `more` connections soon, or no more. */
  expected(target: HandOffTarget, address: string, more: boolean): void {
    if (more) this.#expectations.add(address, ownerKey(target), performance.now());
    else this.#expectations.settle(address, ownerKey(target));
  }

  /** Stops listening, and resolves when what was accepted before has reached a worker, or has had so much time to. */
  async settle(withinMs: number): Promise<void> {
    this.#stopListening();
    const startMs = performance.now();
    for (let waitedMs = 0; waitedMs < withinMs; waitedMs = performance.now() - startMs) {
      const { targets, held, pending } = this.#placement.sizes;
      const isPlaced = targets === 0 || held + pending === 0;
      if (isPlaced && (this.#heads.size === 0 || waitedMs >= SETTLE_SILENT_MS)) return;
      await pause(SETTLE_STEP_MS);
    }
  }

  /**
   * Stops listening at once. Connections that wait for a worker get 503; accepted ones whose request is still to come
   * are served by the workers that are left.
   */
  close(): void {
    this.#closing = true;
    this.#stopListening();
    this.#placement.close();
  }

  async #open(where: ListenWhere): Promise<string> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#onConnection(socket));
    this.#servers.push(server);
    const url = await listen(server, where, this.#tls ? "https" : "http");
    server.on("error", (error) => this.#acceptErrors.add(error));
    return url;
  }

  #stopListening(): void {
    for (const server of this.#servers) if (server.listening) server.close();
  }

  #createHeads(options: AcceptorOptions, trust: Trust): Heads {
    const speaksFor = ({ socket }: Caller) => options.proxyProtocol === true && trust(socket.remoteAddress);
    const onPeer = (caller: Caller) => this.#identify(caller);
    return new Heads(options, this.#refusals, { speaksFor, onPeer }, (caller, target, bytes) =>
      this.#onTarget(caller, target, bytes),
    );
  }

  #onConnection(socket: Socket): void {
    this.#accepted++;
    this.#heads.read(this.#receive(socket, undefined));
  }

  #receive(socket: Socket, peer: Peer | undefined): Caller {
    const visit = this.#admission.enter();
    // A reset is an error of the socket; its close is all that is to be known.
    socket.on("error", () => {});
    socket.once("close", () => visit.leaveHere());
    return { socket, visit, peer };
  }

  /** False: there are too many, and it is refused unheard. */
  #identify(caller: Caller): boolean {
    const excess = this.#admission.identify(caller.visit, addressOf(caller));
    if (!excess) return true;
    if (this.#tls) this.#refusals.hangUp(caller.socket);
    else this.#refusals.refuse(caller.socket, 503);
    return false;
  }

  /**
   * A worker's word that a client is expected is in the kernel before the client can act on it, but may be read after the
   * connection that the client opens then: where the word decides, all links are read once more before it.
   */
  #onTarget(caller: Caller, target: string, bytes: Buffer): void {
    if (this.#tls) setImmediate(() => this.#admit(caller, target, bytes));
    else this.#admit(caller, target, bytes);
  }

  #admit(caller: Caller, target: string, bytes: Buffer): void {
    const arrival = {
      ...caller,
      bytes,
      owner: this.#ownerOf(target),
      likely: this.#likelyOwnerOf(caller),
      attempts: 0,
    };
    // Where TLS hides the request, who is expected is as good as one that names a session.
    const owner = arrival.owner ?? arrival.likely;
    const hasSession = owner !== undefined && this.#placement.has(owner);
    const excess = this.#admission.judge(caller.visit, hasSession, performance.now());
    if (excess) this.#turnAway(arrival);
    else this.#placement.place(arrival);
  }

  /** An answer in HTTP is nothing to who speaks TLS. */
  #turnAway({ socket, bytes }: Pick<Arrival, "socket" | "bytes">): void {
    if (this.#tls) this.#refusals.hangUp(socket);
    else this.#refusals.turnAway(socket, bytes);
  }

  #likelyOwnerOf(caller: Caller): OwnerKey | undefined {
    const address = this.#tls ? addressOf(caller) : undefined;
    return address === undefined ? undefined : this.#expectations.take(address, performance.now());
  }

  #ownerOf(target: string): OwnerKey | undefined {
    const sessionId = sessionIdOf(target);
    const owner = sessionId === undefined ? undefined : ownerOf(sessionId);
    return owner?.host === this.#hostTag ? ownerKey(owner) : undefined;
  }

  #sweep(nowMs: number): void {
    this.#heads.sweep(nowMs);
    this.#placement.sweep(nowMs);
    this.#refusals.sweep(nowMs);
    this.#expectations.sweep(nowMs);
    if (this.#closing && this.#isEmpty()) clearInterval(this.#sweeper);
  }

  #isEmpty(): boolean {
    const { held, pending } = this.#placement.sizes;
    return this.#heads.size + held + pending + this.#refusals.lingering === 0;
  }
}

function addressOf({ socket, peer }: Pick<Caller, "socket" | "peer">): string | undefined {
  return peer?.address ?? socket.remoteAddress;
}
