/**
 * The worker's end of its link to the switch (the primary's is src/primary/switch/worker-link.ts). Frames of a tick are
 * batched into one write. Room changes are urgent: they must be in the kernel before any client is told of them, see
 * client-gate.ts.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import { type PrimaryMessage, parsePrimaryMessage, type WorkerMessage } from "../protocol/control.js";
import { type Address, FrameBatch, FrameKind, FrameReader, kindOf } from "../protocol/frame.js";
import { FrameSplitter } from "../protocol/frame-splitter.js";
import { RecoveryKind } from "../protocol/recovery-frame.js";
import { type RunEvent, RunWriter } from "./run-writer.js";

/** Past this much unwritten, events for other workers are dropped and counted; the primary has stopped reading. */
export const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
/** That connections have closed is told this late, for several at once: each write wakes the primary. */
const PATIENCE_MS = 20;
/** What libuv reads of a pipe at most. */
const READ_BYTES = 64 * 1024;
const MAX_UNSAFE_MS = 5_000;
/** A batch of this size leaves before the tick is over. */
const FULL_BATCH_BYTES = 1024 * 1024;

export class Link {
  /** What the primary says to this worker. */
  onMessage: (message: PrimaryMessage) => void = () => {};
  /** Frames of other workers and answers of the switch that came at once. Their memory is read into again afterwards. */
  onFrames: (frames: readonly Buffer[]) => void = () => {};
  /** Runs what delivers several frames; client-gate.ts makes one write per client of them. */
  aroundBurst: (deliver: () => void) => void = (deliver) => deliver();
  /** Client writes wait for the end of the tick, where what was told leaves in one write, instead of each forcing one. */
  gathers = false;
  /** A write has left that client writes have to wait for, until `onSafe`. */
  onMarked: (mark: number) => void = () => {};
  onSafe: () => void = () => {};
  /** The primary is gone. */
  onEnd: () => void = () => {};

  readonly #stream: Socket;
  readonly #splitter = new FrameSplitter({ reused: true });
  readonly #batch = new FrameBatch();
  readonly #waiting: (() => void)[] = [];
  /** Events that have yet to become a frame; they are no more than a frame's worth. */
  #run: RunWriter | undefined;
  #flushQueued = false;
  #patience: NodeJS.Timeout | undefined;
  /** Flushes so far, the last that is in the kernel, and the one that takes the last room change along. */
  #flushed = 0;
  #written = 0;
  #urgent = 0;
  /** Of those, the one that takes the last along that is to outlive the host; the last that is known to do so. */
  #dear = 0;
  #safe = 0;
  #answersMarks = false;
  #giveUp: NodeJS.Timeout | undefined;
  /** Of the batches since nothing was queued. */
  #largestBytes = 0;
  #closedConnections: number[] = [];

  /** Reads into one piece of memory, past Node's stream, which would make a new one and six calls for each read. */
  static ofPipe(fd: number): Link {
    const memory = Buffer.allocUnsafeSlow(READ_BYTES);
    const read = (bytes: number) => {
      link.#read(memory.subarray(0, bytes));
      return true;
    };
    // Node's types have it for connect() alone.
    const options: SocketConstructorOpts & { onread: OnReadOpts } = { fd, onread: { buffer: memory, callback: read } };
    const link = new Link(new Socket(options));
    return link;
  }

  constructor(stream: Socket) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("error", () => {});
    stream.on("close", () => this.onEnd());
  }

  get queuedBytes(): number {
    return this.#stream.writableLength + this.#batch.byteLength;
  }

  /** Too far behind for more events. One larger than the bound passes, and what follows is not behind because of it. */
  get full(): boolean {
    if (this.#batch.byteLength >= FULL_BATCH_BYTES) this.flush();
    return this.queuedBytes >= MAX_QUEUED_BYTES + this.#largestBytes;
  }

  /** True while room changes have been told but are not in the kernel. */
  get behind(): boolean {
    if (!this.gathers && this.#urgent > this.#flushed) this.flush();
    return this.#urgent > this.#written;
  }

  /** True while something has been told that is not yet known to be where it outlives this host. */
  get unsafe(): boolean {
    return this.#answersMarks && this.#dear > this.#safe;
  }

  /** The last mark of which that is known. */
  get safe(): number {
    return this.#safe;
  }

  /** The primary tells when what it was told is in the way to Redis; see src/primary/recovery/across/. */
  answersMarks(): void {
    this.#safe = this.#flushed;
    this.#answersMarks = true;
  }

  becomeSafe(mark: number): void {
    clearTimeout(this.#giveUp);
    this.#giveUp = undefined;
    this.#safe = Math.max(this.#safe, mark);
    if (this.unsafe && this.#dear <= this.#flushed) this.#waitForWord();
    this.onSafe();
  }

  /** Calls back once the link is no longer behind. */
  whenCaughtUp(callback: () => void): void {
    this.#waiting.push(callback);
  }

  /** Where to encode the next frame; it leaves with the others of this tick. */
  frame(kind: number): FrameBatch {
    this.#queueFlush();
    return this.#begin(kind);
  }

  /** Has an event leave as `frame` would, in one frame with those to the same address right before and behind it. */
  gather(address: Address, flags: number, event: RunEvent): void {
    if (!this.#run?.takes(address, flags, event)) {
      this.#endRun();
      this.#run = new RunWriter(address, flags);
    }
    this.#run?.add(event);
    this.#queueFlush();
  }

  /** As `frame`, for what must be in the kernel before the next byte to a client is. */
  urgentFrame(kind: number): FrameBatch {
    this.#urgent = this.#flushed + 1;
    this.#dear = this.#urgent;
    return this.frame(kind);
  }

  send(message: WorkerMessage): void {
    this.#begin(FrameKind.control).text(JSON.stringify(message)).end();
    this.flush();
  }

  /** The worker's word for a hand-off: written at once, before anything reads the connection. */
  taken(sequence: number, found: boolean): void {
    this.#urgent = this.#flushed + 1;
    this.#begin(FrameKind.taken)
      .number(sequence)
      .byte(found ? 1 : 0)
      .end();
    this.flush();
  }

  /** A client at that address will open more connections for a session here, or has; told at once. */
  expected(address: string, more: boolean): void {
    this.#begin(FrameKind.expected)
      .text(address)
      .byte(more ? 1 : 0)
      .end();
    this.flush();
  }

  /** `sequence` is that of its hand-off. */
  connectionClosed(sequence: number): void {
    this.#closedConnections.push(sequence);
    this.#patience ??= setTimeout(this.#endPatience, PATIENCE_MS);
  }

  flush(): void {
    this.#endRun();
    if (this.#batch.byteLength === 0 || !this.#stream.writable) return;
    if (this.#stream.writableLength === 0) this.#largestBytes = 0;
    this.#largestBytes = Math.max(this.#largestBytes, this.#batch.byteLength);
    const flush = ++this.#flushed;
    if (this.unsafe && this.#dear === flush) this.#mark(flush);
    const pieces = this.#batch.take();
    const last = pieces.length - 1;
    if (last > 0) this.#stream.cork();
    pieces.forEach((piece, i) => {
      if (i === last) this.#stream.write(piece, () => this.#onWritten(flush));
      else this.#stream.write(piece);
    });
    if (last > 0) this.#stream.uncork();
    // Node writes a pipe synchronously as far as the kernel takes it, so nothing held means that all is there.
    if (this.#stream.writableLength === 0) this.#written = flush;
  }

  #mark(flush: number): void {
    this.#batch.begin(RecoveryKind.mark).count(flush).end();
    this.onMarked(flush);
    this.#waitForWord();
  }

  /** A primary that stands still does not hold up the clients for ever; then only its death could cost something. */
  #waitForWord(): void {
    this.#giveUp ??= setTimeout(() => this.becomeSafe(this.#flushed), MAX_UNSAFE_MS);
  }

  /** For what is flushed by who begins it. */
  #begin(kind: number): FrameBatch {
    this.#endRun();
    return this.#batch.begin(kind);
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    run?.write(this.#batch);
  }

  #queueFlush(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    setImmediate(this.#flushTick);
  }

  readonly #flushTick = (): void => {
    this.#flushQueued = false;
    this.flush();
  };

  readonly #endPatience = (): void => {
    this.#patience = undefined;
    const sequences = this.#closedConnections;
    this.#closedConnections = [];
    if (sequences.length > 0) this.#begin(FrameKind.closed).numbers(sequences).end();
    this.flush();
  };

  #onWritten(flush: number): void {
    this.#written = Math.max(this.#written, flush);
    if (this.#urgent <= this.#written) for (const resume of this.#waiting.splice(0)) resume();
  }

  #read(chunk: Buffer): void {
    const frames: Buffer[] = [];
    this.#splitter.push(chunk, (frame) => {
      if (kindOf(frame) === FrameKind.control) this.#control(frame);
      else frames.push(frame);
    });
    if (frames.length > 1) this.aroundBurst(() => this.onFrames(frames));
    else if (frames.length === 1) this.onFrames(frames);
  }

  #control(frame: Buffer): void {
    const message = parsePrimaryMessage(new FrameReader(frame).text());
    if (message) this.onMessage(message);
  }
}
