/** Where other hosts are told to bring requests for this host's sessions. Pure. */
import type { networkInterfaces } from "node:os";
import type { Settings } from "../config/settings.js";
import type { ListenWhere } from "./acceptor/listener.js";

export interface Advertised {
  /** Absent: other hosts cannot reach this one. */
  readonly url?: string;
  /** For people: how it was found. */
  readonly reason: string;
}

type Interfaces = ReturnType<typeof networkInterfaces>;

const WILDCARDS = new Set(["0.0.0.0", "::"]);

/** `url` is what the listener says of itself. */
export function advertised(
  { advertise }: Pick<Settings, "advertise">,
  where: ListenWhere,
  url: string,
  interfaces: Interfaces,
): Advertised {
  if (advertise === "off") return { reason: "--advertise off" };
  const scheme = url.startsWith("https:") ? "https" : "http";
  if (advertise) return { url: `${scheme}://${bracketed(advertise.host)}:${advertise.port}`, reason: "--advertise" };
  if (!("port" in where)) return { reason: "it is not known where a socket that was passed, or a path, is reached" };
  if (!WILDCARDS.has(where.host)) return { url, reason: "where it listens" };
  const address = firstOutward(interfaces);
  if (address === undefined) return { url, reason: "there is no other than loopback" };
  return { url: `${scheme}://${address}:${new URL(url).port}`, reason: "the first address that is not loopback" };
}

function firstOutward(interfaces: Interfaces): string | undefined {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
