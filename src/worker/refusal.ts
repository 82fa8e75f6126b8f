/** Answers that a worker gives itself, for requests and, in raw bytes, for upgrades. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { endWhenUnread } from "./unread-body.js";

export interface Refusal {
  readonly status: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const BAD_REQUEST: Refusal = { status: "400 Bad Request" };
export const UNAVAILABLE: Refusal = { status: "503 Service Unavailable", headers: { "Retry-After": "1" } };

type Headers = Readonly<Record<string, string>>;

/** Keeps the connection where its body has come or is small. */
export function refuseRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body = "" }: Refusal,
  more: Headers,
): void {
  endWhenUnread(request, response, false);
  response.writeHead(Number.parseInt(status, 10), { ...headers, ...more, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

/** Node has given up its parser for this connection, so the request cannot be answered as if it had not asked. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal = BAD_REQUEST, more: Headers = {}): void {
  socket.on("error", () => {});
  socket.end(responseText(refusal, more), () => socket.destroy());
}

/** A whole response, after which the connection closes. */
export function responseText({ status, headers, body = "" }: Refusal, more: Headers): string {
  const fields = { ...headers, ...more, Connection: "close", "Content-Length": Buffer.byteLength(body) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join("")}\r\n${body}`;
}
