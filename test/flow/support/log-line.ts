/**
 * What a child process prints, kept as text and, where a line is a JSON object, as a log line. Tells who waits for a
 * line, also when it came before.
 */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { within } from "./eventually.js";

/** A line of the JSON log. `event` names what a program may look for. */
export interface LogLine {
  readonly level: string | number;
  readonly event?: string;
  readonly msg?: string;
  readonly pid?: number;
  readonly [key: string]: unknown;
}

export class Output {
  /** Everything printed so far. */
  text = "";
  readonly lines: LogLine[];
  readonly #onLine: (line: LogLine) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  constructor(stream: Readable, lines: LogLine[], onLine: (line: LogLine) => void) {
    this.lines = lines;
    this.#onLine = onLine;
    stream.on("data", (chunk: Buffer) => this.#take(this.#decoder.write(chunk)));
  }

  #take(text: string): void {
    this.text += text;
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    for (const part of parts) this.#takeLine(part);
  }

  #takeLine(text: string): void {
    const line = parseLine(text);
    if (line === undefined) return;
    this.lines.push(line);
    this.#onLine(line);
  }
}

export interface LineWait {
  readonly after: number;
  readonly withinMs: number;
  readonly what: string;
}

/** The log of one process: both of its streams in the order they were read. */
export class Log {
  readonly lines: LogLine[] = [];
  readonly stdout: Output;
  readonly stderr: Output;
  readonly #waiting = new Set<(line: LogLine) => void>();

  constructor(stdout: Readable, stderr: Readable) {
    const onLine = (line: LogLine) => {
      for (const waiting of this.#waiting) waiting(line);
    };
    this.stdout = new Output(stdout, this.lines, onLine);
    this.stderr = new Output(stderr, this.lines, onLine);
  }

  /** The first line that fits from the line `after` on, printed already or still to come. */
  async waitFor(predicate: (line: LogLine) => boolean, { after, withinMs, what }: LineWait): Promise<LogLine> {
    const known = this.lines.slice(after).find(predicate);
    if (known) return known;
    let take: (line: LogLine) => void = () => {};
    const found = new Promise<LogLine>((resolve) => {
      take = (line) => predicate(line) && resolve(line);
      this.#waiting.add(take);
    });
    try {
      return await within(found, withinMs, what, () => this.stdout.text + this.stderr.text);
    } finally {
      this.#waiting.delete(take);
    }
  }
}

function parseLine(text: string): LogLine | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
