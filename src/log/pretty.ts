/**
 * One log line for people: time, level, message, then what else the line says as key=value, and an error's stack below.
 * Pure: from a line of JSON to text. `event`, which is for programs, and our own pid are left out.
 */
import type { Paint, Style } from "./paint.js";
import { printable } from "./printable.js";

type Line = Readonly<Record<string, unknown>>;

interface LoggedError {
  readonly type?: string;
  readonly message?: string;
  readonly stack?: string;
}

const LEVELS: Readonly<Record<string, Style>> = {
  trace: "dim",
  debug: "blue",
  info: "green",
  warn: "yellow",
  error: "red",
  fatal: "magenta",
};
const LEVEL_WIDTH = 5;
const TIME_WIDTH = 12;
const HANGING = " ".repeat(TIME_WIDTH + 1 + LEVEL_WIDTH + 1);
const BARE_WORD = /^[^\s"'=]+$/;
const FRAME = /^\s+at /;

export function prettyLine(json: string, paint: Paint): string {
  const { level, time, msg, event: _, pid, err, suppressed, ...rest } = JSON.parse(json) as Line;
  const fields = { ...(pid !== process.pid && { pid }), ...rest, ...(suppressed !== 0 && { suppressed }) };
  const error = isError(err) ? err : undefined;
  const message = typeof msg === "string" && msg !== error?.message ? msg : (error?.message ?? "");
  const parts = [paint("dim", clock(time)), levelName(String(level), paint), hang(printable(message))];
  const pairs = Object.entries(error ? fields : { ...fields, err }).flatMap(([key, value]) =>
    pair(key, value, message, paint),
  );
  const said = [parts.join(" "), ...pairs].join("  ");
  return error ? said + stack(error, paint) : said;
}

function clock(time: unknown): string {
  const date = new Date(String(time));
  const two = (number: number) => String(number).padStart(2, "0");
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
}

function levelName(level: string, paint: Paint): string {
  const style = LEVELS[level];
  const name = level.padEnd(LEVEL_WIDTH);
  return style ? paint(style, name) : name;
}

/** Lines after the first stand below the message, so that none can pass for a log line of its own. */
function hang(text: string): string {
  return text.replaceAll("\n", `\n${HANGING}`);
}

function pair(key: string, value: unknown, message: string, paint: Paint): string[] {
  if (value === undefined || isSaid(value, message)) return [];
  return [`${paint("dim", `${printable(key)}=`)}${printable(shown(value))}`];
}

/** Messages are written for people; most fields say again, for programs, what the message has said. */
function isSaid(value: unknown, message: string): boolean {
  return (typeof value === "string" || typeof value === "number") && message.includes(String(value));
}

function shown(value: unknown): string {
  return typeof value === "string" && BARE_WORD.test(value) ? value : JSON.stringify(value);
}

function isError(value: unknown): value is LoggedError {
  return typeof value === "object" && value !== null && typeof (value as LoggedError).stack === "string";
}

/** The names of the error and its causes stand out from the frames below them. */
function stack({ stack: text = "" }: LoggedError, paint: Paint): string {
  const lines = printable(text).split("\n");
  return lines.map((line) => `\n${HANGING}${paint(FRAME.test(line) ? "dim" : "red", line)}`).join("");
}
