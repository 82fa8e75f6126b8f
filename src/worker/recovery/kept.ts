/** A socket whose session is kept: tells the book when its data has changed, and what its client confirms. Runs in workers. */
import type { Position } from "../../protocol/cursor.js";
import { cutOff, type EngineConnection, unwatch, type Watched, watch } from "./connection.js";
import type { KeptSocket, LiveSession, SessionBook } from "./session-book.js";
import { encodeData } from "./session-data.js";

/** What is used of Socket.IO's Socket. */
export interface ServerSocket {
  readonly id: string;
  pid?: string | undefined;
  readonly recovered: boolean;
  data: unknown;
  readonly client: {
    readonly conn: EngineConnection;
    writeToEngine(parts: readonly unknown[], options: object): void;
  };
  packet(packet: { readonly type: number }, options?: object): void;
  notifyOutgoingListeners?(packet: object): void;
  readonly _anyOutgoingListeners?: readonly unknown[];
}

/** On a socket: what tells of its session. */
export const KEPT = Symbol("kept");

export type KeepableSocket = ServerSocket & { [KEPT]?: Kept };

const ACK = 3;

export class Kept implements KeptSocket, Watched {
  pongAt: Position | undefined;
  session: LiveSession | undefined;
  readonly #socket: ServerSocket;
  readonly #book: SessionBook;
  readonly #onProblem: (error: Error) => void;
  #told: Buffer = Buffer.alloc(0);
  #hasProblem = false;

  constructor(socket: ServerSocket, book: SessionBook, onProblem: (error: Error) => void) {
    this.#socket = socket;
    this.#book = book;
    this.#onProblem = onProblem;
  }

  /** `known`: the data that the primary has. */
  begin(session: LiveSession, known: Buffer): void {
    this.session = session;
    this.#told = Buffer.from(known);
    watch(this.#socket.client.conn, this, () => this.#book.position);
    this.#compareBeforeAcks();
    this.compareData();
  }

  away(): void {
    if (!this.session) return;
    this.compareData();
    this.#book.away(this.session);
    this.#forget();
  }

  end(): void {
    if (!this.session) return;
    this.#book.end(this.session);
    this.#forget();
  }

  fence(): void {
    cutOff(this.#socket.client.conn);
  }

  confirm(position: Position): void {
    if (this.session) this.#book.confirm(this.session, position);
  }

  compareData(): void {
    if (!this.session) return;
    const { bytes, problem } = encodeData(this.#socket.data);
    if (problem && !this.#hasProblem) this.#onProblem(problem);
    this.#hasProblem = problem !== undefined;
    if (bytes.equals(this.#told)) return;
    this.#told = bytes;
    this.#book.data(this.session, bytes);
  }

  #forget(): void {
    this.session = undefined;
    unwatch(this.#socket.client.conn, this);
  }

  /** What a client is told was done is done: its data must not be older than that. */
  #compareBeforeAcks(): void {
    const { packet } = this.#socket;
    this.#socket.packet = (sent, options) => {
      if (sent.type === ACK) this.compareData();
      packet.call(this.#socket, sent, options);
    };
  }
}
