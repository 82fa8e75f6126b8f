/**
 * The PROXY protocol, versions 1 and 2: what a load balancer that passes bytes says before them of whose they are. Strict
 * and bounded, as its receivers must be (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt). Pure.
 */
import { isIP, SocketAddress } from "node:net";
import type { Peer } from "../../protocol/peer.js";

export type ProxyHeader =
  | { readonly kind: "more" }
  | { readonly kind: "malformed" }
  /** `peer` undefined: the proxy speaks for itself, a health check most likely. */
  | { readonly kind: "complete"; readonly bytes: number; readonly peer: Peer | undefined };

const MORE = { kind: "more" } as const;
const MALFORMED = { kind: "malformed" } as const;

const LONGEST_V1 = 107;
const V1_START = Buffer.from("PROXY ", "latin1");
const V1 = /^PROXY (?:UNKNOWN(?: [\x20-\x7e]*)?|TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5}))$/;

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V2_HEAD_BYTES = 16;
/** Addresses take at most 216; the rest are extensions, of which those in use fit several times. */
const LONGEST_V2_REST = 4_096;
const LOCAL = 0x20;
const PROXY = 0x21;
const UNSPECIFIED = 0x00;
const TCP4 = 0x11;
const TCP6 = 0x21;
const UNIX_STREAM = 0x31;

/** Reads all bytes so far, which must begin with such a header. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return MORE;
  if (bytes[0] === SIGNATURE[0]) return startsAs(bytes, SIGNATURE) ? readV2(bytes) : MALFORMED;
  return startsAs(bytes, V1_START) ? readV1(bytes) : MALFORMED;
}

/** As far as it has come. */
function startsAs(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LONGEST_V1).indexOf("\r\n");
  if (end === -1) return bytes.length < LONGEST_V1 ? MORE : MALFORMED;
  const match = V1.exec(bytes.toString("latin1", 0, end));
  if (!match) return MALFORMED;
  const [, version, source = "", destination = "", ...ports] = match;
  if (version === undefined) return { kind: "complete", bytes: end + 2, peer: undefined };
  if ([source, destination].some((address) => isIP(address) !== Number(version))) return MALFORMED;
  if (ports.some((port) => Number(port) > 65_535)) return MALFORMED;
  const family = version === "4" ? "IPv4" : "IPv6";
  return { kind: "complete", bytes: end + 2, peer: { address: source, port: Number(ports[0]), family } };
}

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_HEAD_BYTES) return MORE;
  const [command, family] = [bytes[12], bytes[13] as number];
  const rest = bytes.readUInt16BE(14);
  if ((command !== LOCAL && command !== PROXY) || rest > LONGEST_V2_REST) return MALFORMED;
  if (command === PROXY && rest < addressBytes(family)) return MALFORMED;
  const length = V2_HEAD_BYTES + rest;
  if (bytes.length < length) return MORE;
  return { kind: "complete", bytes: length, peer: command === PROXY ? sourceOf(bytes, family) : undefined };
}

/** What the family needs; what is none that can carry HTTP never fits. */
function addressBytes(family: number): number {
  switch (family) {
    case UNSPECIFIED:
      return 0;
    case TCP4:
      return 12;
    case TCP6:
      return 36;
    case UNIX_STREAM:
      return 216;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

function sourceOf(bytes: Buffer, family: number): Peer | undefined {
  if (family === TCP4) {
    return { address: [...bytes.subarray(16, 20)].join("."), port: bytes.readUInt16BE(24), family: "IPv4" };
  }
  if (family !== TCP6) return undefined;
  return { address: ipv6(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48), family: "IPv6" };
}

/** As the kernel would write it. */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new SocketAddress({ address: groups.join(":"), family: "ipv6" }).address;
}
