/** Where other hosts are told to bring requests for this host's sessions. */
import type { networkInterfaces } from "node:os";
import type { Settings } from "../config/settings.js";
import { formatHostAndPort } from "../protocol/host-and-port.js";
import type { ListenWhere } from "./acceptor/listener.js";
import type { Uplink } from "./uplink/uplink.js";

export interface Advertised {
  /** Absent: other hosts cannot reach this one. */
  readonly url?: string;
  /** For people: how it was found. */
  readonly reason: string;
}

interface AdvertiseLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

type Interfaces = ReturnType<typeof networkInterfaces>;

const WILDCARDS = new Set(["0.0.0.0", "::"]);

/** Pure. `urls` are what the listeners say of themselves; the first with a port counts. */
export function advertised(
  { advertise, tlsCert }: Pick<Settings, "advertise" | "tlsCert">,
  where: readonly ListenWhere[],
  urls: readonly string[],
  interfaces: Interfaces,
): Advertised {
  if (advertise === "off") return { reason: "--advertise off" };
  const scheme = tlsCert === undefined ? "http" : "https";
  if (advertise) return { url: `${scheme}://${formatHostAndPort(advertise)}`, reason: "--advertise" };
  const at = where.findIndex((each) => "port" in each);
  const [place, url] = [where[at], urls[at]];
  if (!place || !("port" in place) || url === undefined)
    return { reason: "it is not known where a socket that was passed, or a path, is reached" };
  if (!WILDCARDS.has(place.host)) return { url, reason: "where it listens" };
  const address = firstOutward(interfaces);
  if (address === undefined) return { url, reason: "there is no other than loopback" };
  return { url: `${scheme}://${address}:${new URL(url).port}`, reason: "the first address that is not loopback" };
}

/** Where this host cannot be reached its sessions are lost to requests that come elsewhere, so it is said. */
export function advertise(uplink: Pick<Uplink, "advertise">, { url, reason }: Advertised, log: AdvertiseLog): void {
  if (url === undefined) {
    return log.warn({ event: "advertise-none", reason }, `other hosts bring no requests here: ${reason}`);
  }
  uplink.advertise(url);
  log.info({ event: "advertise", url, reason }, `other hosts bring requests to ${url} (${reason})`);
}

function firstOutward(interfaces: Interfaces): string | undefined {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
