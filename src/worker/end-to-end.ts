/** Which headers of a message go on to the next process: not those of the connection, and not those that workers add. */
import type { IncomingMessage } from "node:http";
import { CLIENT_ADDRESS_HEADER } from "./client-address.js";

export const FORWARDED_HEADER = "x-holdfast-forwarded";

/** Of the connection, not of the message (RFC 9110, 7.6.1); `expect` was answered already. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  CLIENT_ADDRESS_HEADER,
  FORWARDED_HEADER,
]);

/** Ours stand before the client's own, of which a host of an earlier version reads a thousand only. */
export function onward(ours: readonly string[], { rawHeaders }: IncomingMessage): string[] {
  return [...ours, ...endToEnd(rawHeaders)];
}

/** Names and values, in turn, as Node's `rawHeaders`. */
export function endToEnd(rawHeaders: readonly string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!HOP_BY_HOP.has(name.toLowerCase())) headers.push(name, rawHeaders[i + 1] as string);
  }
  return headers;
}
