/**
 * Whose request a forwarded one is, and whether it came by TLS. The forwarding worker writes both into a header, the owner
 * of the session puts them where the app looks for them. Honoured on private sockets only: clients cannot reach those.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export const CLIENT_ADDRESS_HEADER = "x-holdfast-client";

const FIELDS = ["remoteAddress", "remotePort", "remoteFamily"] as const;
/** Empty of a client without an address: one on a Unix socket, or gone already. */
const DESCRIBED = /^(?:(\S+) (\d{1,5}) (IPv[46]))?(?: *(tls))?$/;

type Client = Pick<Socket, (typeof FIELDS)[number]> & { readonly encrypted?: boolean };

export function describeClient(socket: Client): string {
  const address = `${socket.remoteAddress ?? ""} ${socket.remotePort ?? ""} ${socket.remoteFamily ?? ""}`;
  return socket.encrypted ? `${address} tls` : address;
}

/**
 * The connection between the two workers carries one request at a time, so the address holds until the next. False: it
 * is missing or malformed, and the socket still has that of an earlier request.
 */
export function adoptClientAddress(request: IncomingMessage): boolean {
  const described = request.headers[CLIENT_ADDRESS_HEADER];
  const match = typeof described === "string" ? DESCRIBED.exec(described.trim()) : null;
  if (!match) return false;
  takeOut(request);
  const [, address, port, family, tls] = match;
  const values = [address, port === undefined ? undefined : Number(port), family];
  FIELDS.forEach((field, i) => {
    Object.defineProperty(request.socket, field, { value: values[i], configurable: true });
  });
  // Where Socket.IO's `handshake.secure`, Express and others look; a plain socket has no such property.
  Object.defineProperty(request.socket, "encrypted", { value: tls !== undefined || undefined, configurable: true });
  return true;
}

function takeOut({ headers, rawHeaders }: IncomingMessage): void {
  delete headers[CLIENT_ADDRESS_HEADER];
  const at = rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === CLIENT_ADDRESS_HEADER);
  rawHeaders.splice(at, 2);
}
