/**
 * The kinds of values that settings can have. Each reads what a flag, a variable or the config file gives, says in words
 * what it allows, and can write a value down again as it would be given. Primary only: workers must not load zod.
 */
import { statSync } from "node:fs";
import { z } from "zod";
import { formatHostAndPort } from "../protocol/host-and-port.js";
import { formatRedisTarget, parseRedisUrls } from "./redis-url.js";
import type { ListenTarget, ManageAddress, RedisTarget } from "./settings.js";

export interface Check<Value> {
  /** What is allowed; reads well behind "must be". */
  readonly allowed: string;
  readonly schema: z.ZodType<Value>;
  /** The text that would give this value. */
  format(value: Value): string;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000 };
const BYTES_PER_UNIT = { kb: 1_024, mb: 1_024 ** 2, gb: 1_024 ** 3 };

/** `sockaddr_un` holds 108 bytes with the closing zero. */
const UNIX_PATH_BYTES = 107;
/** What consists of digits and dots alone is a mistyped address, not a name. */
const HOST_NAME = /^(?![\d.]+$)(?!.*\.\.)[a-z\d_](?:[a-z\d_.-]{0,251}[a-z\d_])?\.?$/i;
const HOST = z.union([z.ipv4(), z.ipv6(), z.string().regex(HOST_NAME)]);
const HOST_AND_PORT = /^(?:\[(?<ipv6>[^\]]*:[^\]]*)\]|(?<name>[^:]+)):(?<port>\d{1,5})$/;

export function wholeNumber(range: Range): Check<number> {
  return {
    allowed: `a whole number from ${range.from} to ${range.to}`,
    schema: quantity({}, range),
    format: String,
  };
}

/** In milliseconds. */
export function duration(range: Range): Check<number> {
  const format = (ms: number) => inLargestUnit(ms, MS_PER_UNIT);
  return {
    allowed: `a duration from ${format(range.from)} to ${format(range.to)}: a number of ms, or one with ms, s or m`,
    schema: quantity(MS_PER_UNIT, range),
    format,
  };
}

/** In bytes. */
export function size(range: Range): Check<number> {
  const format = (bytes: number) => inLargestUnit(bytes, BYTES_PER_UNIT);
  return {
    allowed: `a size from ${format(range.from)} to ${format(range.to)}: a number of bytes, or one with kb, mb or gb`,
    schema: quantity(BYTES_PER_UNIT, range),
    format,
  };
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]): Check<Choice> {
  return { allowed: `one of ${choices.join(", ")}`, schema: z.enum(choices), format: String };
}

/** For a row without a placeholder: its flag gives `true`, its `--no-` twin `false`. */
export function onOff(): Check<boolean> {
  return {
    allowed: "on or off, true or false, 1 or 0",
    schema: z.union([z.boolean(), z.stringbool({ truthy: ["on", "true", "1"], falsy: ["off", "false", "0"] })]),
    format: (value) => (value ? "on" : "off"),
  };
}

/** For a row with a separator. */
export function listOf<Value>(check: Check<Value>): Check<readonly Value[]> {
  return {
    allowed: `${check.allowed}; several are allowed`,
    schema: z.array(check.schema).min(1).readonly(),
    format: (values) => values.map((value) => check.format(value)).join(","),
  };
}

export function wordOr<const Word extends string, Value>(word: Word, check: Check<Value>): Check<Word | Value> {
  return {
    allowed: `${word}, or ${check.allowed}`,
    schema: z.union([z.literal(word), check.schema]),
    format: (value) => (value === word ? word : check.format(value as Value)),
  };
}

export function host(): Check<string> {
  return { allowed: "an IP address or a host name", schema: HOST, format: String };
}

export function hostAndPort(): Check<ManageAddress> {
  return {
    allowed: "HOST:PORT, an IPv6 address in brackets",
    schema: z
      .string()
      .transform(splitHostAndPort)
      .pipe(z.object({ host: HOST, port: z.int().max(65_535), explicit: z.literal(true) })),
    format: formatHostAndPort,
  };
}

export function listenTarget(): Check<ListenTarget> {
  const unix = z.object({ unix: z.string().regex(/^[^\0]+$/) });
  const fd = z.object({ fd: z.int().min(3).max(999_999) });
  const tcp = z.object({ host: HOST, port: z.int().max(65_535) });
  return {
    allowed: `HOST:PORT (an IPv6 address in brackets), unix:PATH of at most ${UNIX_PATH_BYTES} bytes, or fd:N with N from 3`,
    schema: z
      .string()
      .transform(splitListenTarget)
      .pipe(z.union([unix, fd, tcp])),
    format: formatListenTarget,
  };
}

export function channelPrefix(): Check<string> {
  return {
    allowed: "1 to 100 visible ASCII characters without spaces",
    schema: z.string().regex(/^[\x21-\x7e]{1,100}$/),
    format: String,
  };
}

/** Goes into an HTTP header, so nothing that would need quoting there. */
export function token(): Check<string> {
  return {
    allowed: "visible ASCII characters without spaces",
    schema: z.string().regex(/^[\x21-\x7e]+$/),
    format: String,
  };
}

/** An absolute path. What the file holds is judged where it is read. */
export function filePath(): Check<string> {
  return { allowed: "the path of a file", schema: z.string().regex(/^[^\0]+$/), format: String };
}

/** The value that `given` stands for, or why `check` refuses it. */
export function apply<Value>(check: Check<Value>, given: unknown): { value: Value } | { problem: string } {
  const result = check.schema.safeParse(given);
  if (result.success) return { value: result.data };
  const own = result.error.issues.find((issue) => issue.code === "custom");
  return { problem: own?.message ?? `must be ${check.allowed}` };
}

/** One URL, several of a Cluster's nodes, or the word off, which gives no value at all. */
export function redisUrls(mask: string): Check<RedisTarget> {
  const schema = z.array(z.string()).transform((urls, context) => {
    if (urls.length === 1 && urls[0] === "off") return undefined as unknown as RedisTarget;
    try {
      return parseRedisUrls(urls);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });
  const allowed = "redis://, rediss://, redis+sentinel:// or unix: URLs, or off";
  return { allowed, schema, format: (target) => formatRedisTarget(target, mask) };
}

/** An absolute path. Looks at the disk, so that a missing app is found out before any fork. */
export function existingFile(what = "a file"): Check<string> {
  return {
    allowed: `the path of ${what}`,
    schema: z
      .string()
      .min(1, { abort: true })
      .superRefine((path, context) => {
        const problem = whyNotAFile(path);
        if (problem) context.addIssue({ code: "custom", message: problem });
      }),
    format: String,
  };
}

function quantity(units: Readonly<Record<string, number>>, { from, to }: Range): z.ZodType<number> {
  const pattern = new RegExp(`^(\\d+)(${Object.keys(units).join("|")})?$`, "i");
  const read = (text: string) => {
    const [, digits, unit = ""] = pattern.exec(text) ?? [];
    return Number(digits) * (units[unit.toLowerCase()] ?? 1);
  };
  return z.union([z.number(), z.string().transform(read)]).pipe(z.int().min(from).max(to));
}

function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, size]) => value > 0 && value % size === 0);
  const [unit, size] = fitting.at(-1) ?? ["", 1];
  return `${value / size}${unit}`;
}

function splitHostAndPort(text: string): { host: string; port: number; explicit: true } {
  const { ipv6, name = "", port } = HOST_AND_PORT.exec(text)?.groups ?? {};
  return { host: ipv6 ?? name, port: Number(port), explicit: true };
}

function splitListenTarget(text: string): unknown {
  const [, kind, rest = ""] = /^(unix|fd|tcp):(.*)$/s.exec(text) ?? [];
  if (kind === "unix" && Buffer.byteLength(rest) <= UNIX_PATH_BYTES) return { unix: rest };
  if (kind === "fd" && /^\d+$/.test(rest)) return { fd: Number(rest) };
  const { host, port } = splitHostAndPort(text);
  return kind === undefined ? { host, port } : undefined;
}

function formatListenTarget(target: ListenTarget): string {
  if ("unix" in target) return `unix:${target.unix}`;
  return "fd" in target ? `fd:${target.fd}` : formatHostAndPort(target);
}

function whyNotAFile(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : `${path} is not a file`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT"
      ? `${path} does not exist`
      : `${path} cannot be read (${(error as Error).message})`;
  }
}
