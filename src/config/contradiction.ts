/** Settings that are each right and make no sense together. Primary only; pure. */
import type { Origins } from "./print.js";
import type { Settings } from "./settings.js";

/** One line for each, which names the settings and what to do. */
export function contradictionsIn(settings: Settings, origins: Origins): string[] {
  return [
    ...(settings.redis === undefined ? withoutRedis(settings, origins) : redisFiles(settings, origins)),
    ...proxyHeader(settings),
  ];
}

function withoutRedis({ redisRequired }: Settings, origins: Origins): string[] {
  if (!redisRequired) return [];
  return [`redis-required is on (${origins.get("redisRequired")}), but redis is off: give --redis, or take it back`];
}

function redisFiles({ redis, redisCa, redisCert, redisKey }: Settings, origins: Origins): string[] {
  const given = [
    ...(redisCa === undefined ? [] : [`redis-ca is ${redisCa} (${origins.get("redisCa")})`]),
    ...(redisCert === undefined ? [] : [`redis-cert is ${redisCert} (${origins.get("redisCert")})`]),
    ...(redisKey === undefined ? [] : [`redis-key is ${redisKey} (${origins.get("redisKey")})`]),
  ];
  if (given.length > 0 && !redis?.tls) {
    return [`${given.join(", ")}, but the URL of redis (${origins.get("redis")}) is not one of TLS: write rediss://`];
  }
  if ((redisCert === undefined) === (redisKey === undefined)) return [];
  return [`${given.at(-1)}, but redis-cert and redis-key are needed both, or none of them`];
}

function proxyHeader({ proxyProtocol, trustProxy }: Settings): string[] {
  if (!proxyProtocol || trustProxy !== undefined) return [];
  return [
    "proxy-protocol is on, but trust-proxy names nobody whose PROXY header would be read: name the balancer there",
  ];
}
