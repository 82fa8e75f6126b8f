/** The head of an HTTP message, its headers as in Node's `rawHeaders`: names and values, in turn. */
import type { IncomingMessage } from "node:http";

/**
 * Of an answer that another worker gives. An app may set what headers it likes; Node's own limit is for servers that are
 * not trusted.
 */
export const MAX_ANSWER_HEAD_BYTES = 1024 * 1024;

export function writeHead(firstLine: string, rawHeaders: readonly string[]): Buffer {
  let text = `${firstLine}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** `name` in lower case. */
export function removeHeader({ headers, rawHeaders }: IncomingMessage, name: string): void {
  delete headers[name];
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (rawHeaders[i]?.toLowerCase() === name) rawHeaders.splice(i, 2);
  }
}
