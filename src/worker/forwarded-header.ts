/**
 * Whose a request is by the word of a trusted proxy: `X-Forwarded-For`, or `Forwarded` (RFC 7239). Everybody may write
 * these, and proxies append to them, so they are read from the right: the first address that is not a trusted proxy is
 * the client's. Pure.
 */
import { isIP } from "node:net";
import type { Trust } from "../protocol/network.js";
import { familyOf, type Peer } from "../protocol/peer.js";

export interface ForwardedHeaders {
  readonly "x-forwarded-for"?: string | string[] | undefined;
  readonly forwarded?: string | string[] | undefined;
}

/** Hidden or malformed. */
type Hop = Peer | undefined;

const NODE = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/;

/** Undefined: nobody to be believed says who it is, so it is the peer itself. */
export function forwardedPeer(headers: ForwardedHeaders, trust: Trust): Peer | undefined {
  const { "x-forwarded-for": list, forwarded } = headers;
  const byList = list === undefined ? undefined : clientOf(String(list).split(","), hopOf, trust);
  if (forwarded === undefined) return byList;
  const byElements = clientOf(partsOf(String(forwarded), ","), hopOfElement, trust);
  if (list === undefined) return byElements;
  // A proxy that writes one lets the other through as the client sent it, and nobody knows which.
  return byList?.address === byElements?.address ? byList : undefined;
}

/** What is left of something malformed is not believed: it may have been written by the client. */
function clientOf(hops: readonly string[], read: (text: string) => Hop, trust: Trust): Peer | undefined {
  let nearest: Peer | undefined;
  for (const text of hops.toReversed()) {
    const hop = read(text);
    if (!hop) break;
    nearest = hop;
    if (!trust(hop.address)) break;
  }
  return nearest;
}

function hopOf(text: string): Hop {
  const trimmed = text.trim();
  if (isIP(trimmed) === 6) return peerAt(trimmed);
  const [, bracketed, plain, port] = NODE.exec(trimmed) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? peerAt(bracketed, port) : undefined;
  return plain !== undefined && isIP(plain) === 4 ? peerAt(plain, port) : undefined;
}

function hopOfElement(element: string): Hop {
  const nodes = partsOf(element, ";")
    .map(nodeOf)
    .filter((node) => node !== undefined);
  return nodes.length === 1 ? hopOf((nodes[0] as string).replace(/^"(.*)"$/, "$1")) : undefined;
}

/** What a pair says of `for`; undefined where it says something else. */
function nodeOf(pair: string): string | undefined {
  const [name = "", ...rest] = pair.split("=");
  return rest.length > 0 && name.trim().toLowerCase() === "for" ? rest.join("=").trim() : undefined;
}

/**
 * What stands between separators that are not within quotes; a quote that is not closed is one, too, so that it hides
 * nothing behind it. One pass, and no pattern: clients write 16 kB of this, and a pattern takes its time over quotes.
 */
function partsOf(text: string, separator: "," | ";"): string[] {
  const parts: string[] = [];
  let from = 0;
  let closes = true;
  for (let at = 0; at <= text.length; at++) {
    const end = closes && text[at] === '"' ? closingQuote(text, at) : -1;
    if (end !== -1) {
      at = end;
    } else if (at === text.length || text[at] === separator || text[at] === '"') {
      // Where one is not closed, none behind it is.
      if (text[at] === '"') closes = false;
      if (at > from) parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return parts;
}

/** Of the quote at `open`; -1 where there is none. */
function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '"') return at;
    if (text[at] === "\\") at++;
  }
  return -1;
}

function peerAt(address: string, port?: string): Hop {
  if (address.includes("%") || Number(port ?? 0) > 65_535) return undefined;
  return { address, port: port === undefined ? undefined : Number(port), family: familyOf(address) };
}
