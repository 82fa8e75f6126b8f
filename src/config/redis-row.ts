/** The rows of table.ts that are about Redis. */
import { resolve } from "node:path";
import { channelPrefix, existingFile, onOff, oneOf, redisUrls, token } from "./check.js";
import { BETWEEN_URLS, redactRedisUrl } from "./redis-url.js";
import { MASK } from "./secret.js";
import { REDIS_MODES } from "./settings.js";

export const REDIS_ROWS = {
  redis: {
    name: "redis",
    commonVariables: ["REDIS_URL"],
    placeholder: "URL",
    separator: BETWEEN_URLS,
    group: "Redis",
    doc: "Redis that joins this host with others: redis://, rediss://, redis+sentinel://, unix:; repeat for a Cluster",
    detail:
      "`redis://USER:PASSWORD@HOST:PORT/DATABASE`; `rediss://` for TLS; `redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DATABASE`, with `?sentinelUsername=…&sentinelPassword=…` where the Sentinels ask for them; `unix:/PATH` (or `redis+unix:///PATH?db=N`) for a socket; the nodes of a Redis Cluster each by a URL of its own. Percent-encode what is special in a password. `off` where a variable says otherwise.",
    check: redisUrls(MASK),
    defaultText: "off",
    redact: (given: string) => redactRedisUrl(given, MASK),
    anchor: (url: string, directory: string) =>
      url.replace(/^unix:(?!\/)(.+)$/s, (_, path: string) => `unix:${resolve(directory, path)}`),
  },
  redisPrefix: {
    name: "redis-prefix",
    placeholder: "S",
    group: "Redis",
    doc: "What all channels begin with, as the `key` of @socket.io/redis-adapter",
    check: channelPrefix(),
    default: "socket.io",
  },
  redisMode: {
    name: "redis-mode",
    placeholder: "MODE",
    group: "Redis",
    doc: `Which of @socket.io/redis-adapter's wire formats: ${REDIS_MODES.join(", ")}`,
    detail: "`sharded` is for Redis 7 and later, and for a Redis Cluster: a room's messages go to its hosts alone.",
    check: oneOf(REDIS_MODES),
    default: "classic",
  },
  redisRequired: {
    name: "redis-required",
    group: "Redis",
    doc: "Refuse to start while Redis cannot be reached",
    detail:
      "Redis gets five seconds to answer. Without this switch the host serves alone, says so in /readyz, and joins when Redis comes.",
    check: onOff(),
    default: false,
  },
  redisSecret: {
    name: "redis-secret",
    placeholder: "SECRET",
    group: "Redis",
    doc: "Signs what Holdfast hosts say to each other; commands and requests without a signature are refused",
    detail: "The same on all hosts. Plain servers and emitters can then send events, and nothing else.",
    check: token(),
    secret: true,
  },
  redisCa: {
    name: "redis-ca",
    placeholder: "FILE",
    group: "Redis",
    doc: "PEM file of the CA that has signed Redis' certificate",
    check: existingFile(),
    defaultText: "those that Node knows",
    anchor: (path: string, directory: string) => resolve(directory, path),
  },
  redisCert: {
    name: "redis-cert",
    placeholder: "FILE",
    group: "Redis",
    doc: "PEM file of the certificate to show to Redis",
    check: existingFile(),
    anchor: (path: string, directory: string) => resolve(directory, path),
  },
  redisKey: {
    name: "redis-key",
    placeholder: "FILE",
    group: "Redis",
    doc: "PEM file of that certificate's private key",
    check: existingFile(),
    anchor: (path: string, directory: string) => resolve(directory, path),
  },
} as const;
