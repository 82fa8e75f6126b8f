/**
 * Redis URLs: what one names, or several that make a Cluster; and how they are shown without their passwords. Pure. Read
 * by hand, because a URL has one host, and Sentinels are several.
 */
import { formatHostAndPort } from "../protocol/host-and-port.js";
import type { RedisAddress, RedisLogin, RedisTarget, SentinelRedis } from "./settings.js";

/** A reason in words, fit to stand behind "but". */
export class RedisUrlError extends Error {
  override readonly name = "RedisUrlError";
}

const SERVER = /^(?<scheme>rediss?):\/\/(?:(?<login>[^@/]*)@)?(?<hosts>[^@/,?#]+)(?:\/(?<path>\d*))?$/i;
const SENTINEL =
  /^(?<scheme>rediss?)\+sentinel:\/\/(?:(?<login>[^@/]*)@)?(?<hosts>[^@/?#]+)\/(?<path>[^/?#]+)(?:\/(?<database>\d*))?(?:\?(?<query>[^#]*))?$/i;
const SOCKET =
  /^(?:redis\+)?unix:(?:\/\/(?:(?<login>[^@/]*)@)?)?(?<path>\/[^?#\0]*)(?:\?(?:db|database)=(?<database>\d+))?$/i;
const HOST_AND_PORT = /^(?:\[(?<ipv6>[\da-f:.]+)\]|(?<name>[^:[\]\s]+))(?::(?<port>\d{1,5}))?$/i;

const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
/** Between the URLs of one text: a Sentinel's URL has commas of its own. */
export const BETWEEN_URLS = /[\s,]+(?=[a-z+]+:\/)|^\s+|\s+$/i;

/** Throws RedisUrlError. */
export function parseRedisUrls(urls: readonly string[]): RedisTarget {
  const [first, ...others] = urls.map(parseOne);
  if (first === undefined) throw new RedisUrlError("one URL is needed at least");
  return others.length === 0 ? first : clusterOf([first, ...others]);
}

/** As it could be given again, but for passwords, which `mask` stands for. */
export function formatRedisTarget(target: RedisTarget, mask: string): string {
  const user = target.username === undefined ? "" : encodeURIComponent(target.username);
  const login = target.password !== undefined ? `${user}:${mask}@` : user && `${user}@`;
  const scheme = target.tls ? "rediss" : "redis";
  switch (target.kind) {
    case "cluster":
      return target.nodes.map((node) => `${scheme}://${login}${formatHostAndPort(node)}`).join(",");
    case "sentinel":
      return `${scheme}+sentinel://${login}${target.sentinels.map(formatHostAndPort).join(",")}/${encodeURIComponent(target.master)}${database(target)}`;
    case "single":
      if ("path" in target.address) return `unix://${login}${target.address.path}${socketDatabase(target)}`;
      return `${scheme}://${login}${formatHostAndPort(target.address)}${database(target)}`;
  }
}

/** Masks what may be a password in the JSON of whatever was given for a URL. */
export function redactRedisUrl(given: string, mask: string): string {
  return given
    .replace(/:(\/\/)?(?:[^"\\]|\\.)*@/g, (_, slashes = "") => `:${slashes}${mask}@`)
    .replace(/([?&][^=&"\s]*=)(?:[^&"\s\\]|\\.)*/g, `$1${mask}`);
}

function parseOne(url: string): RedisTarget {
  const server = SERVER.exec(url)?.groups;
  if (server)
    return {
      kind: "single",
      address: address(server.hosts, REDIS_PORT),
      database: Number(server.path ?? 0),
      ...loginOf(server),
    };
  const sentinel = SENTINEL.exec(url)?.groups;
  if (sentinel) return sentinelOf(sentinel);
  const socket = SOCKET.exec(url)?.groups;
  if (socket) {
    return {
      kind: "single",
      address: { path: decode(socket.path) },
      database: Number(socket.database ?? 0),
      ...loginOf(socket),
    };
  }
  throw new RedisUrlError(
    "a URL must look like redis://HOST:PORT/DATABASE, rediss://…, redis+sentinel://HOST,HOST/MASTER or unix:/PATH; what is special in a password must be percent-encoded",
  );
}

function sentinelOf(parts: Parts): SentinelRedis {
  const query = new URLSearchParams(parts.query);
  const [sentinelUsername, sentinelPassword] = [query.get("sentinelUsername"), query.get("sentinelPassword")];
  return {
    kind: "sentinel",
    sentinels: (parts.hosts ?? "").split(",").map((text) => address(text, SENTINEL_PORT)),
    master: decode(parts.path),
    database: Number(parts.database ?? 0),
    ...loginOf(parts),
    ...(sentinelUsername !== null && { sentinelUsername }),
    ...(sentinelPassword !== null && { sentinelPassword }),
  };
}

function clusterOf(targets: readonly RedisTarget[]): RedisTarget {
  const nodes = targets.map(nodeOf);
  const { tls } = targets[0] as RedisTarget;
  if (targets.some((target) => target.tls !== tls))
    throw new RedisUrlError("all URLs of a Cluster must have the same scheme");
  const logins = targets.filter(({ username, password }) => username !== undefined || password !== undefined);
  const [login] = logins;
  if (logins.some(({ username, password }) => username !== login?.username || password !== login?.password)) {
    throw new RedisUrlError("all URLs of a Cluster must have the same user and password");
  }
  return {
    kind: "cluster",
    nodes,
    tls,
    ...(login?.username !== undefined && { username: login.username }),
    ...(login?.password !== undefined && { password: login.password }),
  };
}

function nodeOf(target: RedisTarget): RedisAddress {
  if (target.kind !== "single" || "path" in target.address) {
    throw new RedisUrlError("several URLs make a Cluster, whose nodes are given as redis:// or rediss://");
  }
  if (target.database !== 0) throw new RedisUrlError("a Cluster has database 0 alone");
  return target.address;
}

type Parts = Readonly<Record<string, string | undefined>>;

function loginOf({ scheme = "", login }: Parts): RedisLogin {
  const tls = /^rediss$/i.test(scheme);
  const at = login?.indexOf(":") ?? -1;
  const username = decode(at < 0 ? login : login?.slice(0, at));
  const password = at < 0 ? "" : decode(login?.slice(at + 1));
  return { tls, ...(username !== "" && { username }), ...(password !== "" && { password }) };
}

function address(text: string | undefined, defaultPort: number): RedisAddress {
  const { ipv6, name, port } = HOST_AND_PORT.exec(text ?? "")?.groups ?? {};
  const host = ipv6 ?? name;
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number === 0 || number > 65_535) {
    throw new RedisUrlError("each host must be HOST or HOST:PORT, an IPv6 address in brackets");
  }
  return { host, port: number };
}

function decode(text = ""): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError("what stands behind each % must be two hexadecimal digits");
  }
}

function database({ database }: { readonly database: number }): string {
  return database === 0 ? "" : `/${database}`;
}

function socketDatabase({ database }: { readonly database: number }): string {
  return database === 0 ? "" : `?db=${database}`;
}
