/**
 * The one file that touches undocumented Node for the sake of a worker's IPC channel. It runs in the primary, stands
 * between the channel and Node's own reader, lets through what Node needs to hear and nothing else, and sends connections.
 * It refuses to know who the worker is.
 *
 * Why a guard: Node trusts a child. `channel.onread` (lib/internal/child_process.js, setupChannel) parses each line with
 * JSON.parse and no `try`, so a line that is no JSON ends the primary; so does `{"cmd":"NODE_HANDLE"}`, which makes it
 * look up `handleConversion[undefined].got`, and an acknowledgement that nobody waits for, which fails an assertion.
 * NODE_CLUSTER messages (lib/internal/cluster/primary.js) make the primary listen wherever a worker says. Our workers
 * say one thing here, because only this channel carries descriptors: a connection that is a sibling's (PassMessage). All
 * else that we want to hear comes over the links.
 *
 * What is touched, as Node 20 has it: the property of a ChildProcess whose symbol is `kChannelHandle` (the pipe); the
 * pipe's `onread`, called with an ArrayBuffer of exactly what was read, or nothing at the end; the pipe's `pendingHandle`,
 * a descriptor that came along; `_handleQueue`, an array while an acknowledgement is awaited, else null; the event
 * "internalMessage"; the option `swallowErrors`; `socket.server`. Where a later Node differs, channel-guard.test.ts fails,
 * and without the pipe no worker starts.
 */
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { constants } from "node:os";
import type { HandOffMessage, PassMessage } from "../../protocol/hand-off.js";
import { judge, type Verdict } from "./channel-message.js";
import { LineSplitter } from "./line-splitter.js";

export interface ChannelListener {
  /** What came has no business here. Told once: the channel is not read any more. */
  onMisbehaviour(what: string): void;
  /** What came is harmless, and went nowhere. Told once for each text. */
  onIgnored(what: string): void;
  /** A connection for a sibling, not read here. */
  onPassed(message: PassMessage, socket: Socket): void;
}

interface ChannelPipe {
  onread: (this: ChannelPipe, bytes?: ArrayBuffer) => void;
  pendingHandle: PipeHandle | null;
}

interface PipeHandle {
  close(): void;
}

interface UndocumentedChild extends ChildProcess {
  _handleQueue: unknown[] | null;
}

/** To be called in the tick of the fork, before anything can have been read. */
export function guardChannel(child: ChildProcess, listener: ChannelListener): void {
  new ChannelGuard(child as UndocumentedChild, listener).install();
}

/**
 * Sends a connection and keeps the primary's copy open. Fails in silence: a worker that is dying says nothing either,
 * and the acceptor waits for its word with a deadline.
 */
export function sendConnection(child: ChildProcess, message: HandOffMessage, socket: Socket): void {
  if (!child.connected) return;
  // With it, Node lists the sockets of this server in both processes (SocketList), and closing it asks every worker.
  (socket as { server?: unknown }).server = undefined;
  try {
    child.send(message, socket, { keepOpen: true, swallowErrors: true } as { keepOpen: boolean });
  } catch {}
}

class ChannelGuard {
  readonly #child: UndocumentedChild;
  readonly #listener: ChannelListener;
  readonly #lines = new LineSplitter();
  readonly #told = new Set<string>();
  #refusals = 0;
  #deaf = false;
  /** It has come; what it is stands in the line that is still to come. */
  #descriptor: PipeHandle | undefined;

  constructor(child: UndocumentedChild, listener: ChannelListener) {
    this.#child = child;
    this.#listener = listener;
  }

  install(): void {
    const pipe = pipeOf(this.#child);
    const nodesReader = pipe.onread;
    pipe.onread = (bytes) => (bytes ? this.#read(pipe, bytes) : this.#end(pipe, nodesReader));
  }

  #read(pipe: ChannelPipe, bytes: ArrayBuffer): void {
    const descriptor = pipe.pendingHandle;
    pipe.pendingHandle = null;
    if (this.#deaf) return descriptor?.close();
    try {
      if (descriptor) this.#keep(descriptor);
      for (const line of this.#lines.push(Buffer.from(bytes))) this.#act(judge(line));
    } catch (error) {
      this.#misbehaved((error as Error).message);
    }
  }

  /** One at a time: Node's next waits for our acknowledgement. */
  #keep(descriptor: PipeHandle): void {
    const isFirst = this.#descriptor === undefined;
    this.#dropDescriptor();
    this.#descriptor = descriptor;
    if (!isFirst) this.#misbehaved("it sent a descriptor without a word");
  }

  #dropDescriptor(): void {
    this.#descriptor?.close();
    this.#descriptor = undefined;
  }

  #end(pipe: ChannelPipe, nodesReader: ChannelPipe["onread"]): void {
    this.#dropDescriptor();
    // With handles queued, Node would wait for an acknowledgement before it says 'disconnect', and keep the worker listed.
    this.#child._handleQueue = null;
    if (this.#child.connected) nodesReader.call(pipe);
  }

  #act(verdict: Verdict): void {
    if (this.#deaf) return;
    switch (verdict.is) {
      case "acknowledgement":
        return this.#acknowledge(verdict.cmd);
      case "listen-request":
        return this.#refuseToListen(verdict.sequence, verdict.where);
      case "pass":
        return this.#pass(verdict.message);
      case "app-message":
        return this.#ignored("the app calls process.send(), which reaches nobody");
      case "violation":
        return this.#misbehaved(verdict.what);
      case "idle-talk":
        return;
      default:
        return verdict satisfies never;
    }
  }

  #acknowledge(cmd: string): void {
    if (!this.#child._handleQueue) return this.#misbehaved("it acknowledged a handle that was not sent");
    this.#child.emit("internalMessage", { cmd });
  }

  /** The answer makes the app's server emit 'error' with ENOTSUP, instead of waiting for ever. */
  #refuseToListen(sequence: number, where: string): void {
    if (++this.#refusals > MAX_REFUSALS) return this.#misbehaved("it asks to listen again and again");
    this.#ignored(
      `the app wants to listen on ${where} itself; a worker serves on ctx.http, or listens with exclusive: true`,
    );
    const answer = { cmd: "NODE_CLUSTER", ack: sequence, errno: -constants.errno.ENOTSUP };
    if (this.#child.connected) this.#child.send(answer, undefined, { swallowErrors: true } as object);
  }

  #pass(message: PassMessage): void {
    const handle = this.#descriptor;
    if (!handle) return this.#misbehaved("it sent no descriptor");
    this.#descriptor = undefined;
    // Node's child sends the next handle when it has heard this.
    if (this.#child.connected)
      this.#child.send({ cmd: "NODE_HANDLE_ACK" }, undefined, { swallowErrors: true } as object);
    const options = { handle, readable: true, writable: true, allowHalfOpen: true, pauseOnCreate: true };
    this.#listener.onPassed(message, new Socket(options as object));
  }

  #ignored(what: string): void {
    if (this.#told.has(what) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(what);
    this.#listener.onIgnored(what);
  }

  #misbehaved(what: string): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#dropDescriptor();
    this.#listener.onMisbehaviour(what);
  }
}

const MAX_TOLD = 10;
/** Each is answered, and a worker that asks without end would have the answers pile up here. */
const MAX_REFUSALS = 1_000;

function pipeOf(child: ChildProcess): ChannelPipe {
  const symbol = Object.getOwnPropertySymbols(child).find(({ description }) => description === "kChannelHandle");
  const pipe = symbol && (child as unknown as Record<symbol, ChannelPipe | null>)[symbol];
  if (!pipe || typeof pipe.onread !== "function") {
    throw new Error(`Node ${process.version} keeps the IPC channel elsewhere; Holdfast cannot guard it`);
  }
  return pipe;
}
