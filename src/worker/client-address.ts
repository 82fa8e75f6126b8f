/**
 * Whose request a forwarded one is. The forwarding worker writes the client's address into a header, the owner of the
 * session puts it where the app looks for it. Honoured on private sockets only: clients cannot reach those.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export const CLIENT_ADDRESS_HEADER = "x-holdfast-client";

const FIELDS = ["remoteAddress", "remotePort", "remoteFamily"] as const;
/** Empty of a client without an address: one on a Unix socket, or gone already. */
const DESCRIBED = /^(?:(\S+) (\d{1,5}) (IPv[46]))?$/;

export function describeClient(socket: Pick<Socket, (typeof FIELDS)[number]>): string {
  return `${socket.remoteAddress ?? ""} ${socket.remotePort ?? ""} ${socket.remoteFamily ?? ""}`;
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
  const [, address, port, family] = match;
  const values = [address, port === undefined ? undefined : Number(port), family];
  FIELDS.forEach((field, i) => {
    Object.defineProperty(request.socket, field, { value: values[i], configurable: true });
  });
  return true;
}

function takeOut({ headers, rawHeaders }: IncomingMessage): void {
  delete headers[CLIENT_ADDRESS_HEADER];
  const at = rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === CLIENT_ADDRESS_HEADER);
  rawHeaders.splice(at, 2);
}
