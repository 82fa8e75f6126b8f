/**
 * Whose request it is, and whether it came by TLS, put where the app looks for it: on the request's socket. Told by the
 * primary (the PROXY protocol), by a worker that forwards a request, in a header that is honoured on private sockets only,
 * since clients cannot reach those, or by a proxy that is trusted (forwarded-header.ts).
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { describePeer, type Peer, parsePeer, peerOf } from "../protocol/peer.js";
import { removeHeader } from "./message-head.js";

export const CLIENT_ADDRESS_HEADER = "x-holdfast-client";

/** What a forwarding worker says: the peer, and a word where the client speaks TLS. */
const DESCRIBED = /^(.*?) *(tls)?$/;

type Client = Parameters<typeof peerOf>[0] & { readonly encrypted?: boolean };

export function describeClient(socket: Client): string {
  const peer = describePeer(peerOf(socket));
  return socket.encrypted ? `${peer} tls` : peer;
}

/** The connection carries one request at a time, so the address holds until the next. */
export function setPeer(socket: Socket, { address, port, family }: Peer): void {
  define(socket, "remoteAddress", address);
  define(socket, "remotePort", port);
  define(socket, "remoteFamily", family);
}

/** What speaks TLS on a connection has the address that the connection was given by a proxy. */
export function inheritPeer(socket: Socket, below: Socket): void {
  if (Object.hasOwn(below, "remoteAddress")) setPeer(socket, peerOf(below));
}

/** False: it is missing or malformed, and the socket still has that of an earlier request. */
export function adoptClientAddress(request: IncomingMessage): boolean {
  const described = request.headers[CLIENT_ADDRESS_HEADER];
  const [, said = "", tls] = (typeof described === "string" && DESCRIBED.exec(described)) || [];
  const peer = typeof described === "string" ? parsePeer(said) : undefined;
  if (!peer) return false;
  removeHeader(request, CLIENT_ADDRESS_HEADER);
  setPeer(request.socket, peer);
  // Where Socket.IO's `handshake.secure`, Express and others look; a plain socket has no such property.
  Object.defineProperty(request.socket, "encrypted", { value: tls !== undefined || undefined, configurable: true });
  return true;
}

function define(socket: Socket, field: "remoteAddress" | "remotePort" | "remoteFamily", value: unknown): void {
  Object.defineProperty(socket, field, { value, configurable: true });
}
