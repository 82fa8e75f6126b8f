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

export function isWholeHead(bytes: Buffer): boolean {
  return bytes.includes(END_OF_HEAD);
}

export function answerTo(bytes: Buffer, origins: Origins): Answer {
  const [line = "", ...lines] = bytes.toString("latin1").trimStart().split(END_OF_HEAD, 1).join("").split("\r\n");
  const fields = Object.fromEntries(lines.map(fieldOf));
  const method = line.split(" ", 1)[0];
  const headers = crossOriginHeaders(origins, fields.origin);
  if (!isPreflight(method, fields) || !("Access-Control-Allow-Origin" in headers))
    return { status: undefined, headers };
  const asked = fields["access-control-request-method"] as string;
  return { status: 204, headers: { ...headers, ...preflightHeaders(asked, fields["access-control-request-headers"]) } };
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
