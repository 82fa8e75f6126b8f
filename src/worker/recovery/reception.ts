/**
 * Where clients of one namespace come in: asks for the session that a client had, and keeps what happens to it until its
 * middlewares have let the client in. Runs in workers.
 */
import { type Namespace, Socket } from "socket.io";
import type { SocketId } from "socket.io-adapter";
import { parseCursor } from "../../protocol/cursor.js";
import type { Restored } from "../../protocol/recovery-frame.js";
import { decode } from "../codec.js";
import type { EngineConnection } from "./connection.js";
import type { ServerSocket } from "./kept.js";
import { type Passing, Returning } from "./returning.js";
import type { SessionBook } from "./session-book.js";

interface Client {
  readonly conn: EngineConnection & { readonly protocol: number };
  readonly request?: { readonly _query?: { readonly recovery?: string } };
}

interface Auth {
  readonly pid?: unknown;
  readonly offset?: unknown;
}

/** As Socket.IO's constructor takes it. Rooms and packets follow when the client has been let in. */
interface PreviousSession {
  readonly sid: string;
  readonly pid: string;
  readonly rooms: [];
  readonly data: unknown;
  readonly missedPackets: [];
}

type CreateSocket = (client: Client, auth: Auth) => Promise<ServerSocket>;
type MakeSocket = new (namespace: Namespace, client: Client, auth: Auth, session?: PreviousSession) => ServerSocket;

export class Reception {
  readonly #namespace: Namespace;
  readonly #book: SessionBook;
  readonly #onProblem: (error: Error) => void;
  /** With what cursor each new socket's client came; an app may change the handshake. */
  readonly #offsets = new WeakMap<ServerSocket, string>();
  /** Clients that are on their way back, and those whose session is known, by its id. */
  readonly #returning = new Set<Returning>();
  readonly #expected = new Map<SocketId, Returning>();

  constructor(namespace: Namespace, book: SessionBook, onProblem: (error: Error) => void) {
    this.#namespace = namespace;
    this.#book = book;
    this.#onProblem = onProblem;
    const creating = namespace as unknown as { _createSocket: CreateSocket };
    creating._createSocket = (client, auth) => this.#createSocket(client, auth);
  }

  /** The namespace is closed: nobody comes back to it. */
  close(): void {
    for (const returning of this.#returning) returning.giveUp();
  }

  /** Everything that happens in the namespace is for those, too, who are about to be let in. */
  pass(passing: Passing, isOwn: boolean): void {
    for (const returning of this.#returning) returning.pass(passing, isOwn);
  }

  expected(id: SocketId): Returning | undefined {
    return this.#expected.get(id);
  }

  /** Empty: none. The client says it again until it has had an event of this session. */
  offsetOf(socket: ServerSocket): string {
    return this.#offsets.get(socket) ?? "";
  }

  /** A middleware has refused the client. */
  refuse(id: SocketId): void {
    const returning = this.#expected.get(id);
    if (!returning) return;
    this.#forget(returning);
    returning.refuse();
  }

  /** The client is let in: what it gets back, unless that is over. */
  letIn(returning: Returning): Restored | undefined {
    this.#forget(returning);
    return returning.finish();
  }

  async #createSocket(client: Client, auth: Auth): Promise<ServerSocket> {
    const make = Socket as unknown as MakeSocket;
    if (!isRecoverable(client)) {
      const socket = new make(this.#namespace, client, auth);
      socket.pid = undefined;
      return socket;
    }
    const { offset } = auth;
    const session = await this.#restore(client, auth);
    if (session) return new make(this.#namespace, client, auth, session);
    const socket = new make(this.#namespace, client, auth);
    if (typeof offset === "string" && parseCursor(offset)) this.#offsets.set(socket, offset);
    return socket;
  }

  async #restore({ conn }: Client, { pid, offset }: Auth): Promise<PreviousSession | undefined> {
    if (typeof pid !== "string" || conn.readyState !== "open") return undefined;
    // What is not a text is not an offset; an empty one is refused as such.
    const told = offset === undefined || typeof offset === "string" ? offset : "";
    return new Promise((resolve) => {
      const returning: Returning = new Returning(
        this.#book,
        { namespace: this.#namespace.name, pid, offset: told },
        {
          onOutcome: (restored) => resolve(restored ? this.#expect(returning, pid, restored) : this.#forget(returning)),
          onLost: () => {
            this.#forget(returning);
            conn.close();
          },
        },
      );
      this.#returning.add(returning);
      conn.once("close", () => returning.giveUp());
    });
  }

  #expect(returning: Returning, pid: string, { id, data }: Restored): PreviousSession | undefined {
    try {
      const restored = data.length > 0 ? decode(data) : {};
      this.#expected.set(id, returning);
      return { sid: id, pid, rooms: [], data: restored, missedPackets: [] };
    } catch (error) {
      this.#onProblem(error as Error);
      this.#forget(returning);
      returning.refuse();
      return undefined;
    }
  }

  #forget(returning: Returning): undefined {
    this.#returning.delete(returning);
    const id = returning.restored?.id;
    if (id !== undefined && this.#expected.get(id) === returning) this.#expected.delete(id);
  }
}

/** A client may ask for none, because it cannot bear the cursors; Engine.IO's third version has no place for the pid. */
function isRecoverable({ conn, request }: Client): boolean {
  return conn.protocol !== 3 && request?._query?.recovery !== "0";
}
