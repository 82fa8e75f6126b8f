/**
 * The primary's end of one worker's link (the worker's is src/worker/link.ts): cuts what comes into frames, batches what
 * goes out into one write, and drops relayed frames rather than let a worker that does not read fill the primary's memory.
 */
import type { Duplex } from "node:stream";
import type { PrimaryMessage } from "../../protocol/control.js";
import { FrameBatch, FrameKind, ProtocolError } from "../../protocol/frame.js";
import { FrameSplitter } from "../../protocol/frame-splitter.js";
import { RecoveryKind } from "../../protocol/recovery-frame.js";

/** A link this far behind gets no more relayed frames until it has caught up. */
export const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

export class WorkerLink {
  readonly #stream: Duplex;
  readonly #splitter = new FrameSplitter();
  readonly #batch = new FrameBatch();

  readonly #onEnd: (error?: Error) => void;
  /** Of the frames since nothing was queued. */
  #largestBytes = 0;
  #ended = false;

  constructor(stream: Duplex, handlers: { onFrame(frame: Buffer): void; onEnd(error?: Error): void }) {
    this.#stream = stream;
    this.#onEnd = handlers.onEnd;
    ignoreFailedWrites(stream);
    stream.on("data", (chunk: Buffer) => this.#read(chunk, handlers.onFrame));
    // An error of the pipe is the worker's death, which 'close' tells.
    stream.on("error", () => {});
    stream.on("close", () => this.end());
  }

  get queuedBytes(): number {
    return this.#stream.writableLength + this.#batch.byteLength;
  }

  /** Queues the bytes of a whole frame; false when the link is too far behind to take it. */
  relay(frame: Buffer): boolean {
    const { queuedBytes } = this;
    if (queuedBytes === 0) this.#largestBytes = 0;
    // A frame larger than the bound passes, and what follows is not behind because of that one.
    if (queuedBytes >= MAX_QUEUED_BYTES + this.#largestBytes) return false;
    this.#largestBytes = Math.max(this.#largestBytes, frame.length);
    this.#batch.bytes(frame);
    return true;
  }

  number(number: number): void {
    this.#batch.begin(RecoveryKind.number).count(number).end();
  }

  /** Where to encode a frame that is part of a dialogue with the worker. */
  frame(kind: number): FrameBatch {
    return this.#batch.begin(kind);
  }

  done(id: number, answered: number, lost: number): void {
    if (this.#reads()) this.#batch.begin(FrameKind.done).number(id).number(answered).number(lost).end();
  }

  refuse(id: number): void {
    if (this.#reads()) this.#batch.begin(FrameKind.refused).number(id).end();
  }

  send(message: PrimaryMessage): void {
    this.#batch.begin(FrameKind.control).text(JSON.stringify(message)).end();
    this.flush();
  }

  flush(): void {
    if (this.#batch.byteLength === 0 || !this.#stream.writable) return;
    const pieces = this.#batch.take();
    if (pieces.length > 1) this.#stream.cork();
    for (const piece of pieces) this.#stream.write(piece);
    if (pieces.length > 1) this.#stream.uncork();
  }

  /** With an error: what came on the link was not of the protocol. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.destroy();
    this.#onEnd(error);
  }

  /** The answers of the switch itself are not relayed, and so have no other bound. */
  #reads(): boolean {
    if (this.queuedBytes <= 2 * MAX_QUEUED_BYTES) return true;
    this.end(new ProtocolError("it asks, and does not read the answers"));
    return false;
  }

  #read(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    if (this.#ended) return;
    try {
      this.#splitter.push(chunk, onFrame);
    } catch (error) {
      this.end(error as Error);
    }
  }
}

/**
 * Node destroys a socket when a write fails, and with it what a worker wrote before it died and the primary has not read
 * yet. So a write never fails here: that the worker is gone is told by the end of what it has written.
 */
function ignoreFailedWrites(stream: Duplex): void {
  const { _write: write, _writev: writev } = stream;
  stream._write = (chunk, encoding, written) => write.call(stream, chunk, encoding, () => written());
  if (writev) stream._writev = (chunks, written) => writev.call(stream, chunks, () => written());
}
