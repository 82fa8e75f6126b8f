/**
 * Networks of addresses: which are trusted, and which addresses are most likely one and the same client. Pure, for the
 * primary (limits, PROXY protocol) and the workers (forwarded headers, failed passwords) alike.
 */
import { BlockList, isIP } from "node:net";

/** Stands in a list of networks for peers that have no address, because they came over a Unix socket. */
export const UNIX_PEERS = "unix";

export type Trust = (address: string | undefined) => boolean;

/** `networks` are addresses, CIDR blocks or `unix`, checked when the settings were read. */
export function trustOf(networks: readonly string[]): Trust {
  if (networks.length === 0) return () => false;
  const trustsUnix = networks.includes(UNIX_PEERS);
  const list = new BlockList();
  for (const network of networks) if (network !== UNIX_PEERS) addNetwork(list, network);
  return (address) => (address ? isIn(list, address) : trustsUnix);
}

export function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bitsOf(version));
}

/** An IPv4 address that came on an IPv6 socket, as itself. */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

/** What counts as one client: an IPv4 address, or the /64 that one line or machine is given of IPv6. */
export function addressGroup(address: string): string {
  const plain = plainAddress(address);
  return plain.includes(":") ? `${network64(plain)}/64` : plain;
}

function network64(address: string): string {
  const [head = "", tail] = address.split("%", 1).join("").split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail ? tail.split(":") : [];
  const missing = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array<string>(missing).fill("0"), ...back].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}

function addNetwork(list: BlockList, network: string): void {
  const [address = "", prefix] = network.split("/");
  const version = isIP(address);
  const family = version === 6 ? "ipv6" : "ipv4";
  list.addSubnet(address, prefix === undefined ? bitsOf(version) : Number(prefix), family);
}

function isIn(list: BlockList, address: string): boolean {
  const plain = plainAddress(address);
  const version = isIP(plain);
  // A zone tells the interface, not the network.
  return version !== 0 && list.check(plain.replace(/%.*$/, ""), version === 6 ? "ipv6" : "ipv4");
}

function bitsOf(version: number): number {
  return version === 6 ? 128 : 32;
}
