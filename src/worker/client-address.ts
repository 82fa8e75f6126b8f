/**
 * Whose request a forwarded one is. The forwarding worker writes the client's address into a header, the owner of the
 * session puts it where the app looks for it. Honoured on private sockets only: clients cannot reach those.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export const CLIENT_ADDRESS_HEADER = "x-holdfast-client";

const FIELDS = ["remoteAddress", "remotePort", "remoteFamily"] as const;

export function describeClient(socket: Pick<Socket, (typeof FIELDS)[number]>): string {
  return `${socket.remoteAddress ?? ""} ${socket.remotePort ?? ""} ${socket.remoteFamily ?? ""}`;
}

/** The connection between the two workers carries one request at a time, so the address holds until the next. */
export function adoptClientAddress(request: IncomingMessage): void {
  const described = request.headers[CLIENT_ADDRESS_HEADER];
  if (typeof described !== "string") return;
  delete request.headers[CLIENT_ADDRESS_HEADER];
  const at = request.rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === CLIENT_ADDRESS_HEADER);
  request.rawHeaders.splice(at, 2);
  const [address, port, family] = described.split(" ");
  const values = [address || undefined, port ? Number(port) : undefined, family || undefined];
  FIELDS.forEach((field, i) => {
    Object.defineProperty(request.socket, field, { value: values[i], configurable: true });
  });
}
