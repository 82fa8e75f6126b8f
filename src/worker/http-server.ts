/**
 * The worker's `http.Server`, the app's `ctx.http`. It parses what the inbox injects and what siblings forward, and keeps
 * Engine.IO's requests apart from the app's: those go to the engine router, all else to the listeners that the app put
 * on. It listens on the worker's private Unix socket only, which is also what arms Node's timers for slow requests.
 */
import { rmSync } from "node:fs";
import { type IncomingMessage, Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { limiter } from "../log/rate.js";
import { adoptClientAddress } from "./client-address.js";
import { refuseUpgrade } from "./refusal.js";

export interface ServerLimits {
  readonly headerTimeoutMs: number;
  readonly maxHeaderBytes: number;
  /** For a whole request with its body. */
  readonly requestTimeoutMs: number;
}

/** Takes Engine.IO's requests. Declared here and implemented by EngineRouter, which knows Engine.IO. */
export interface EngineRoute {
  owns(request: IncomingMessage): boolean;
  request(request: IncomingMessage, response: ServerResponse, source: Source): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, source: Source): void;
}

/** Who sent it: a client, or a worker that forwards it, here or on another host. */
export type Source = "client" | "sibling" | "host";

/** Tells a host's requests from clients'. Implemented by HostHop; undefined: it cannot be said. */
export interface HostDoor {
  sourceOf(request: IncomingMessage): "client" | "host" | undefined;
}

/** What a client's request must pass first. Implemented by Doorkeeper. */
export interface Door {
  request(request: IncomingMessage, response: ServerResponse, isEngine: boolean, enter: () => void): void;
  upgrade(request: IncomingMessage, socket: Socket, isEngine: boolean, enter: () => void): void;
}

export interface ServerLog {
  warn(fields: object, text: string): void;
}

const CHECK_INTERVAL_MS = 500;
/** Load balancers keep idle connections for 60 s; the side that closes first must not be this one. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const LOG_INTERVAL_MS = 10_000;
/** While this worker stands still, each client with a session here may be waiting; the kernel may allow fewer. */
const PRIVATE_BACKLOG = 4_096;
/** What a sibling or a host adds to a head that it forwards. Clients get it too: Node has one limit for the whole server. */
const FORWARD_HEADER_BYTES = 256;
const OWNER_ONLY_UMASK = 0o177;

export class WorkerServer extends Server {
  /** Set once the Socket.IO server exists. */
  engine: EngineRoute | undefined;
  /** Until it is set, all that comes from outside are clients'. */
  hosts: HostDoor | undefined;
  /** Until it is set, everybody may come in. */
  door: Door | undefined;
  /** While set, no connection is kept alive: its next request may go to another worker. */
  draining = false;

  readonly #log: ServerLog;
  readonly #say = limiter(LOG_INTERVAL_MS);
  readonly #injected = new WeakSet<Socket>();
  readonly #private = new Set<Socket>();

  constructor(limits: ServerLimits, log: ServerLog) {
    super({
      headersTimeout: limits.headerTimeoutMs,
      requestTimeout: Math.max(limits.requestTimeoutMs, limits.headerTimeoutMs),
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      maxHeaderSize: limits.maxHeaderBytes + FORWARD_HEADER_BYTES,
    });
    // Node hides what stands behind a thousand headers: a length, an origin, a proxy's word. How many fit is bounded by size.
    this.maxHeadersCount = 0;
    this.#log = log;
    super.on("connection", (socket: Socket) => this.#track(socket));
  }

  /** Connections of siblings that forward requests to this worker. */
  get privateConnections(): number {
    return this.#private.size;
  }

  /** Whether the app has a listener of its own for upgrades. */
  get appTakesUpgrades(): boolean {
    return super.listenerCount("upgrade") > 0;
  }

  /** Gives the server a client's connection. */
  inject(socket: Socket): void {
    this.#injected.add(socket);
    this.emit("connection", socket);
  }

  /** `exclusive`, because in a cluster worker a plain listen() listens in the primary. */
  listenPrivately(path: string): Promise<void> {
    // After thousands of restarts names come again, and a worker that was killed has left its file.
    rmSync(path, { force: true });
    return new Promise((resolve, reject) => {
      const umask = process.umask(OWNER_ONLY_UMASK);
      super.once("error", reject);
      super.listen({ path, exclusive: true, backlog: PRIVATE_BACKLOG }, () => {
        super.off("error", reject);
        super.on("error", (error) => this.#onAcceptError(error));
        resolve();
      });
      process.umask(umask);
    });
  }

  /** To be called last: Engine.IO ends its sessions when its server closes. */
  closePrivately(): void {
    super.close();
  }

  /** The app's own call: the primary has the port. Whoever waits to hear that the server listens is told so. */
  override listen(...args: unknown[]): this {
    this.#decline("app-listen", "the app calls listen(): it need not, Holdfast listens for it; nothing was done");
    const callback = args.find((argument) => typeof argument === "function");
    if (callback) super.once("listening", callback as () => void);
    process.nextTick(() => super.emit("listening"));
    return this;
  }

  /** The app's own call, when it is told to stop most likely: sessions end at a pace, and this would end them all. */
  override close(callback?: (error?: Error) => void): this {
    this.#decline("app-close", "the app closes ctx.http: it need not, Holdfast does when the worker has drained");
    if (callback) process.nextTick(callback);
    return this;
  }

  /**
   * Node looks here whether anybody takes upgrades (Engine.IO does, through the router), and whether somebody says
   * `100 Continue`, which must not be said before the door has let the request in.
   */
  override listenerCount(event: string | symbol, listener?: () => void): number {
    const count = super.listenerCount(event, listener);
    return (event === "upgrade" || event === "checkContinue") && !listener ? Math.max(1, count) : count;
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    switch (event) {
      case "request":
      case "checkContinue":
        return this.#onRequest(event, args[0] as IncomingMessage, args[1] as ServerResponse);
      case "upgrade":
        return this.#onUpgrade(args[0] as IncomingMessage, args[1] as Socket, args[2] as Buffer);
      default:
        return super.emit(event as "connection", ...(args as [Socket]));
    }
  }

  #onRequest(event: "request" | "checkContinue", request: IncomingMessage, response: ServerResponse): boolean {
    if (this.draining) response.shouldKeepAlive = false;
    const source = this.#sourceOf(request);
    const isEngine = this.engine?.owns(request) === true;
    const enter = () => {
      const isAsked = event === "checkContinue" && (isEngine || super.listenerCount(event) === 0);
      if (isAsked) response.writeContinue();
      if (isEngine) this.engine?.request(request, response, source ?? "client");
      else if (!super.emit(isAsked ? "request" : event, request, response)) response.writeHead(404).end();
    };
    if (!source) response.writeHead(400, { Connection: "close" }).end();
    else if (source !== "client" || !this.door) enter();
    else this.door.request(request, response, isEngine, enter);
    return true;
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    const source = this.#sourceOf(request);
    const isEngine = this.engine?.owns(request) === true;
    const enter = () => {
      if (isEngine) this.engine?.upgrade(request, socket, head, source ?? "client");
      else if (!super.emit("upgrade", request, socket, head)) refuseUpgrade(socket);
    };
    if (!source) refuseUpgrade(socket);
    else if (source !== "client" || !this.door) enter();
    else this.door.upgrade(request, socket, isEngine, enter);
    return true;
  }

  /** What was forwarded bears its client's address from now on. Undefined: it is malformed. */
  #sourceOf(request: IncomingMessage): Source | undefined {
    if (!this.#private.has(request.socket)) return this.hosts ? this.hosts.sourceOf(request) : "client";
    return adoptClientAddress(request) ? "sibling" : undefined;
  }

  /** Of a sibling's connection, for want of descriptors most likely; the sibling is told by its end. */
  #onAcceptError(err: Error): void {
    this.#say((suppressed) => this.#log.warn({ event: "accept-error", suppressed, err }, "cannot accept a sibling"));
  }

  #decline(event: string, text: string): void {
    this.#log.warn({ event }, text);
  }

  #track(socket: Socket): void {
    if (this.#injected.has(socket)) return;
    this.#private.add(socket);
    socket.once("close", () => this.#private.delete(socket));
  }
}
