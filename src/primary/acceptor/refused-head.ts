/**
 * What a browser must be told with an error of the primary's own, so that it shows it to the page. For that, and for
 * nothing else, the primary looks into a head: where it errs, a page cannot read why it was refused. Pure.
 */
import {
  crossOriginHeaders,
  type Headers,
  isPreflight,
  type Origins,
  preflightHeaders,
} from "../../protocol/cross-origin.js";

export interface Answer {
  /** Undefined: the refusal as it is. A preflight that failed would hide it, so that one is granted. */
  readonly status: 204 | undefined;
  readonly headers: Headers;
}

const END_OF_HEAD = "\r\n\r\n";
/** One field on a line of its own. Whoever writes it otherwise is no browser, and might mean something else by it. */
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\0\r\n]*)$/;

export function isWholeHead(bytes: Buffer): boolean {
  return bytes.includes(END_OF_HEAD);
}

export function answerTo(bytes: Buffer, origins: Origins): Answer {
  const [line = "", ...lines] = bytes.toString("latin1").trimStart().split(END_OF_HEAD, 1).join("").split("\r\n");
  const fields = fieldsOf(lines);
  const method = line.split(" ", 1)[0];
  const headers = crossOriginHeaders(origins, fields.origin);
  if (!isPreflight(method, fields) || !("Access-Control-Allow-Origin" in headers))
    return { status: undefined, headers };
  const asked = fields["access-control-request-method"] as string;
  return { status: 204, headers: { ...headers, ...preflightHeaders(asked, fields["access-control-request-headers"]) } };
}

/** By names in lower case; values of a name that comes twice are joined, as Node does it. None where a line is malformed. */
function fieldsOf(lines: readonly string[]): Readonly<Record<string, string>> {
  const fields: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const [, written, rest = ""] = FIELD.exec(line) ?? [];
    if (written === undefined) return {};
    const [name, value] = [written.toLowerCase(), withoutBlanks(rest)];
    fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
  }
  return fields;
}

/** Spaces and tabs at both ends, as llhttp; `trim` takes more, and a pattern takes its time over a head full of them. */
function withoutBlanks(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isBlank(text[from])) from++;
  while (from < to && isBlank(text[to - 1])) to--;
  return text.slice(from, to);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}
