/** The two ways in which Redis can end a start. Their texts name the address without its password, and repeat Redis' words. */

/** Redis answers, and will not have us: a wrong password, no permission, a certificate that does not fit. */
export class RedisRefusedError extends Error {
  override readonly name = "RedisRefusedError";
  readonly code = "HOLDFAST_REDIS_REFUSED";
  readonly exitCode = 78;
}

/** Redis cannot be reached, and `--redis-required` says not to start without it. */
export class RedisAwayError extends Error {
  override readonly name = "RedisAwayError";
  readonly code = "HOLDFAST_REDIS_AWAY";
  readonly exitCode = 78;
}
