/**
 * Who is at the other end of a connection, where that is not what the kernel says: the address that the PROXY protocol
 * told the primary, or that one worker tells another with a request that it forwards.
 */
import type { Socket } from "node:net";

export interface Peer {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly family: "IPv4" | "IPv6" | undefined;
}

/** Empty of a client without an address: one on a Unix socket, or gone already. */
const DESCRIBED = /^(?:([^\s]+) (\d{1,5}|-) (IPv[46]))?$/;

/** In one line without a line end, fit for a header. */
export function describePeer({ address, port, family }: Peer): string {
  return address === undefined ? "" : `${address} ${port ?? "-"} ${family ?? familyOf(address)}`;
}

export function peerOf(socket: Pick<Socket, "remoteAddress" | "remotePort" | "remoteFamily">): Peer {
  const { remoteAddress: address, remotePort: port, remoteFamily: family } = socket;
  return { address, port, family: family as Peer["family"] };
}

/** Undefined when it is not what `describePeer` writes. */
export function parsePeer(text: string): Peer | undefined {
  const match = DESCRIBED.exec(text.trim());
  if (!match) return undefined;
  const [, address, port, family] = match;
  return { address, port: Number.isNaN(Number(port)) ? undefined : Number(port), family: family as Peer["family"] };
}

export function familyOf(address: string): "IPv4" | "IPv6" {
  return address.includes(":") ? "IPv6" : "IPv4";
}
