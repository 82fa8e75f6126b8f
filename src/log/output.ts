/**
 * Where log lines go, in the primary and in the workers: a stream whose reader may be slow, stuck or gone. Logging never
 * blocks the event loop on a pipe, never ends the process, and never holds more than a bounded number of unread lines.
 */
import type { Writable } from "node:stream";

export type OutputStream = Pick<Writable, "write" | "writableLength" | "on" | "listeners">;

/** About 5,000 lines. Beyond, new lines are dropped and counted: the older ones tell how it began. */
const MOST_WAITING = 1024 * 1024;

export class Output {
  readonly #stream: OutputStream;
  readonly #render: (line: string) => string;
  #dropped = 0;

  /** Called with the number of lines dropped, once the stream takes lines again. */
  onDropped: (lines: number) => void = () => {};

  /** `render` gets one line of JSON without its end. */
  constructor(stream: OutputStream, render: (line: string) => string) {
    this.#stream = stream;
    this.#render = render;
    survive(stream);
    stream.on("drain", () => this.#tellDropped());
  }

  /** Of the form that pino wants. */
  write(line: string): void {
    if (this.#stream.writableLength > MOST_WAITING) this.#dropped++;
    else this.#stream.write(`${this.#render(line.trimEnd())}\n`);
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const lines = this.#dropped;
    this.#dropped = 0;
    this.onDropped(lines);
  }
}

/** Without a listener, EPIPE from a reader that has gone, or a full disk, would end the process. Safe to repeat. */
export function survive(stream: OutputStream): void {
  if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
}

function ignore(): void {}
