/**
 * What an error of Redis, TLS or the system means: its words for people, and whether it is a refusal, which only a change
 * of the settings or of Redis' users can heal. Pure.
 */

export interface Failure {
  readonly words: string;
  readonly refused: boolean;
}

/** Redis answers with these while something passes: it loads, fails over, has too many clients. */
const PASSING = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|READONLY|ERR max number of clients)/;
const TLS_REFUSAL =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|ERR_INVALID_CERT)/;

export function failureOf(error: unknown): Failure {
  const { name, code, message = String(error), errors } = (error ?? {}) as Partial<AggregateError> & { code?: string };
  // Both addresses of a name may have failed, each in its way; the whole then has no words of its own.
  const words =
    message || (errors ?? []).map((each: Error) => each.message).join(", ") || code || name || "unknown error";
  if (code !== undefined && TLS_REFUSAL.test(code)) return { words: `TLS: ${words}`, refused: true };
  if (name === "ReplyError") return { words: words + hintFor(words), refused: !PASSING.test(words) };
  return { words, refused: name === "RedisRefusedError" };
}

/** Whether an error says that a message has not been published, so that another try cannot deliver it twice. */
export function wasNotPublished(error: unknown): boolean {
  const { name, message } = error as Error;
  if (message.startsWith("Stream isn't writeable")) return true;
  return name === "ReplyError" && /^(MOVED|CLUSTERDOWN|TRYAGAIN|LOADING|MASTERDOWN|ASK) /.test(message);
}

function hintFor(words: string): string {
  if (/^NOAUTH /.test(words)) return " (it asks for a password, and the URL of --redis has none)";
  if (/^MOVED /.test(words)) return " (this is a Redis Cluster: repeat --redis for its nodes)";
  if (/unknown command.*ss?ubscribe|unknown command.*spublish/i.test(words))
    return " (--redis-mode sharded needs Redis 7)";
  if (/cluster support disabled/.test(words)) return " (several --redis make a Cluster, and this Redis is not in one)";
  return "";
}
