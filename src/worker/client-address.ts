/**
 * Whose request it is, put where the app looks for it: on the request's socket. Told by the primary (the PROXY protocol),
 * by a worker that forwards a request, in a header that is honoured on private sockets only, since clients cannot reach
 * those, or by a proxy that is trusted (forwarded-header.ts).
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type Peer, parsePeer } from "../protocol/peer.js";

export const CLIENT_ADDRESS_HEADER = "x-holdfast-client";

/** The connection carries one request at a time, so the address holds until the next. */
export function setPeer(socket: Socket, { address, port, family }: Peer): void {
  define(socket, "remoteAddress", address);
  define(socket, "remotePort", port);
  define(socket, "remoteFamily", family);
}

/** False: it is missing or malformed, and the socket still has that of an earlier request. */
export function adoptClientAddress(request: IncomingMessage): boolean {
  const described = request.headers[CLIENT_ADDRESS_HEADER];
  const peer = typeof described === "string" ? parsePeer(described) : undefined;
  if (!peer) return false;
  takeOut(request);
  setPeer(request.socket, peer);
  return true;
}

function define(socket: Socket, field: "remoteAddress" | "remotePort" | "remoteFamily", value: unknown): void {
  Object.defineProperty(socket, field, { value, configurable: true });
}

function takeOut({ headers, rawHeaders }: IncomingMessage): void {
  delete headers[CLIENT_ADDRESS_HEADER];
  const at = rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === CLIENT_ADDRESS_HEADER);
  rawHeaders.splice(at, 2);
}
