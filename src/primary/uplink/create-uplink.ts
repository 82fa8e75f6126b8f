/** Makes the uplink of the settings: which wire, and which link. Runs in the primary. */
import { randomBytes } from "node:crypto";
import type { Settings } from "../../config/settings.js";
import type { Logger } from "../../log/logger.js";
import { RedisLink } from "./redis/redis-link.js";
import { Uplink } from "./uplink.js";
import { ClassicWire } from "./wire/classic.js";
import { DEFAULT_MAX_MESSAGE_BYTES } from "./wire/envelope.js";
import { ShardedWire } from "./wire/sharded.js";

export interface UplinkIdentity {
  readonly hostTag: string;
  readonly hostId: string;
  readonly release: string;
}

const UID_BYTES = 12;

/** Undefined where the host stands alone. */
export function createUplink(settings: Settings, identity: UplinkIdentity, log: Logger): Uplink | undefined {
  const { redis, redisMode, redisPrefix, redisSecret } = settings;
  if (redis === undefined) return undefined;
  const uid = randomBytes(UID_BYTES).toString("base64url");
  const maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
  const secret = redisSecret !== undefined && { secret: redisSecret };
  const wireOptions = { prefix: redisPrefix, uid, maxMessageBytes, ...secret };
  const wire = redisMode === "classic" ? new ClassicWire(wireOptions) : new ShardedWire(wireOptions);
  const linkOptions = {
    target: redis,
    mode: redisMode,
    prefix: redisPrefix,
    required: settings.redisRequired,
    messageBytes: maxMessageBytes,
    clientName: `holdfast-${identity.hostId}`,
    ...tlsFiles(settings),
    log,
  };
  return new Uplink({
    ...identity,
    uid,
    wire,
    maxMessageBytes,
    prefix: redisPrefix,
    redisSecret,
    believesPlain: redisSecret === undefined,
    openLink: (events) => new RedisLink(linkOptions, events),
    log,
  });
}

function tlsFiles({ redisCa, redisCert, redisKey }: Settings) {
  return {
    ...(redisCa !== undefined && { caFile: redisCa }),
    ...(redisCert !== undefined && { certFile: redisCert }),
    ...(redisKey !== undefined && { keyFile: redisKey }),
  };
}
