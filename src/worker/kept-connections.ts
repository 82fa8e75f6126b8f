/**
 * Connections to workers' HTTP servers, here or on another host, that are kept for the next request. Each carries one
 * exchange at a time. Runs in a worker; knows nothing of what they carry.
 */
import type { Socket } from "node:net";

/** Hears of a connection while it carries something for it. */
export interface Carried {
  onBytes(bytes: Buffer): void;
  /** What was written has left. */
  onDrain(): void;
  /** It has ended, or never begun; undefined: without an error. */
  onLost(code: string | undefined): void;
}

export interface KeptConnection {
  readonly socket: Socket;
  /** Undefined while it waits for the next. */
  carried: Carried | undefined;
}

/** Well below the other side's keepAliveTimeout, so that it does not close a connection on which a request is under way. */
const IDLE_TIMEOUT_MS = 4_000;
/** To each worker. What waits for one is bounded as well: each client's connection has one request under way. */
const MAX_CONNECTIONS = 10_000;

/** By where each worker is reached; a worker to which there is no connection any more is forgotten. */
export class Destinations {
  readonly #connections = new Map<string, KeptConnections>();

  /** `connect` is for all of its connections. */
  to(place: string, connect: () => Socket): KeptConnections {
    const known = this.#connections.get(place);
    if (known) return known;
    const connections = new KeptConnections(connect, () => this.#connections.delete(place));
    this.#connections.set(place, connections);
    return connections;
  }
}

/** To one worker. */
export class KeptConnections {
  readonly #connect: () => Socket;
  readonly #onEmpty: () => void;
  readonly #idle: KeptConnection[] = [];
  #size = 0;

  /** `onEmpty`: there is no connection any more. */
  constructor(connect: () => Socket, onEmpty: () => void) {
    this.#connect = connect;
    this.#onEmpty = onEmpty;
  }

  /** One that is kept, or a new one; undefined: there are too many. May throw what opening one throws. */
  take(carried: Carried): KeptConnection | undefined {
    const kept = this.#idle.pop() ?? this.#open();
    if (kept) kept.carried = carried;
    return kept;
  }

  /** Nothing is under way on it. */
  giveBack(kept: KeptConnection): void {
    kept.carried = undefined;
    if (!kept.socket.destroyed) this.#idle.push(kept);
  }

  #open(): KeptConnection | undefined {
    if (this.#size >= MAX_CONNECTIONS) return undefined;
    const socket = this.#connect();
    const kept: KeptConnection = { socket, carried: undefined };
    let code: string | undefined;
    this.#size++;
    socket.setTimeout(IDLE_TIMEOUT_MS, () => kept.carried ?? socket.destroy());
    socket.on("data", (bytes: Buffer) => (kept.carried ? kept.carried.onBytes(bytes) : socket.destroy()));
    socket.on("drain", () => kept.carried?.onDrain());
    socket.on("error", (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.on("close", () => this.#closed(kept, code));
    return kept;
  }

  #closed(kept: KeptConnection, code: string | undefined): void {
    const at = this.#idle.indexOf(kept);
    if (at >= 0) this.#idle.splice(at, 1);
    if (--this.#size === 0) this.#onEmpty();
    kept.carried?.onLost(code);
  }
}
