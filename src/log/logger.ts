/**
 * The log of the primary and of each worker: pino, a line of JSON an entry or a line for people, on stdout. A line that a
 * program may look for has an `event`.
 */
import { pino } from "pino";
import { Output, type OutputStream, survive } from "./output.js";
import { type Canvas, painter } from "./paint.js";
import { prettyLine } from "./pretty.js";
import { printable } from "./printable.js";

export type Logger = pino.Logger;

export interface LoggerOptions {
  readonly level: string;
  readonly format: "json" | "pretty";
  /** What every line says beside level, time and pid. */
  readonly bindings?: Readonly<Record<string, unknown>>;
}

/** From here on, a closed stdout or stderr no longer ends the process. */
export function createLogger(options: LoggerOptions, stream: OutputStream & Canvas = process.stdout): Logger {
  const paint = painter(stream);
  const output = new Output(stream, options.format === "pretty" ? (line) => prettyLine(line, paint) : printable);
  survive(process.stderr);
  const log = pino(
    {
      level: options.level,
      base: { pid: process.pid, ...options.bindings },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: pino.stdSerializers.err },
    },
    output,
  );
  output.onDropped = (lines) =>
    log.warn({ event: "log-dropped", lines }, `${lines} log lines were dropped: nobody read them in time`);
  return log;
}
