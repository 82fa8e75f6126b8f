/**
 * Where a worker receives connections from the primary (src/primary/acceptor/hand-off-queue.ts is the other side), and
 * says its word for each before anything reads it. Counts those that are open.
 */
import type { Socket } from "node:net";
import { HAND_OFF_TYPE, type HandOffMessage, isHandOffMessage } from "../protocol/hand-off.js";
import { machineTimeMs } from "../protocol/machine-time.js";
import { parsePeer } from "../protocol/peer.js";
import { setPeer } from "./client-address.js";
import { type Receive, takeReceiver } from "./sticky-receiver.js";

export interface InboxLink {
  taken(sequence: number, found: boolean): void;
  connectionClosed(sequence: number): void;
  /** What was said is not yet in the kernel. */
  readonly behind: boolean;
  whenCaughtUp(callback: () => void): void;
}

/** Told of each connection before anything reads it. */
export type OnArrival = (socket: Socket, message: HandOffMessage) => void;

/** Whether a connection shall be taken; asked with what was read of it. What is not goes to another worker. */
export type IsWelcome = (head: string) => boolean;

const SPENT = "holdfast:spent";

export class Inbox {
  readonly #link: InboxLink;
  readonly #isWelcome: IsWelcome;
  readonly #onArrival: OnArrival;
  readonly #receive: Receive;
  readonly #open = new Set<Socket>();

  /** From here on connections are received. What came before is lost, so the primary must hear of `ready` after this. */
  constructor(
    link: InboxLink,
    inject: (socket: Socket) => void,
    isWelcome: IsWelcome,
    onArrival: OnArrival = () => {},
  ) {
    this.#link = link;
    this.#isWelcome = isWelcome;
    this.#onArrival = onArrival;
    this.#receive = takeReceiver(inject);
    process.prependListener("message", (message, socket) => this.#onMessage(message, socket as Socket | undefined));
    onLostHandle((sequence) => link.taken(sequence, false));
  }

  get connections(): number {
    return this.#open.size;
  }

  #onMessage(message: unknown, socket: Socket | undefined): void {
    if (!isHandOffMessage(message)) return;
    const isTaken = socket !== undefined && machineTimeMs() <= message.validUntilMs && this.#isWelcome(message.data);
    this.#link.taken(message.sequence, isTaken);
    if (isTaken) this.#whenTold(() => this.#take(socket, message));
    // Only this copy is closed; the connection goes on in the primary's.
    else socket?.destroy();
    spend(message);
  }

  /** Were it read before, and this worker died, the primary would have another worker act on the same bytes again. */
  #whenTold(take: () => void): void {
    if (this.#link.behind) this.#link.whenCaughtUp(take);
    else take();
  }

  #take(socket: Socket, message: HandOffMessage): void {
    const { data, sequence, peer } = message;
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#link.connectionClosed(sequence);
    });
    // Between two owners (the HTTP parser, ws, a forwarded upgrade) a reset must not end the worker.
    socket.on("error", () => {});
    socket.setMaxListeners(0);
    // As http.Server has it for what it accepts; a handle that came over IPC has it not.
    socket.allowHalfOpen = true;
    const said = peer === undefined ? undefined : parsePeer(peer);
    if (said) setPeer(socket, said);
    this.#onArrival(socket, message);
    this.#receive({ type: HAND_OFF_TYPE, data: Buffer.from(data, "latin1") }, socket);
  }
}

/** A listener that comes after, such as that of an app which calls sticky's setupWorker itself, must not run it again. */
function spend(message: HandOffMessage): void {
  (message as { type: string }).type = SPENT;
}

/**
 * Out of descriptors, the kernel drops the handle and keeps the message. Node then only tells the sender, which for a
 * handle that was sent with `keepOpen` does nothing (lib/internal/child_process.js, 'internalMessage'); so this listens
 * where Node does.
 */
function onLostHandle(tell: (sequence: number) => void): void {
  const events = process as unknown as {
    on(event: string, listener: (message: Envelope, handle: unknown) => void): void;
  };
  events.on("internalMessage", ({ cmd, msg }, handle) => {
    if (cmd === "NODE_HANDLE" && !handle && isHandOffMessage(msg)) tell(msg.sequence);
  });
}

interface Envelope {
  readonly cmd?: string;
  readonly msg?: unknown;
}
