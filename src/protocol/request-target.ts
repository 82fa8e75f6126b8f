/**
 * The one rule for "which session does this request belong to". The primary applies it to the request target it has
 * read, the worker to `req.url`, and the worker hands the same answer to Engine.IO (`req._query`), so the three never
 * differ: the query is read as WHATWG URLSearchParams reads it, and the last `sid` wins, as in Engine.IO.
 */

const BASE = "http://holdfast.invalid";
/** A path and a query in which every character stands for itself, as all clients of Engine.IO send them. */
const PLAIN = /^\/(?!\/)[\w./-]*\?([\w.~=&-]*)$/;

/** The query of a request target as Engine.IO wants it, or undefined when the target is not a URL. */
export function queryOf(target: string): Record<string, string> | undefined {
  const plain = PLAIN.exec(target)?.[1];
  if (plain !== undefined) return Object.fromEntries(plain.split("&").filter(Boolean).map(pairOf));
  try {
    return Object.fromEntries(new URL(target, BASE).searchParams);
  } catch {
    return undefined;
  }
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** The `sid` of a request target, whatever its path; undefined when it has none. */
export function sessionIdOf(target: string): string | undefined {
  const query = target.indexOf("?");
  if (query === -1) return undefined;
  // `sid` can only be spelt without "sid" when it is percent-encoded, so most handshakes end here.
  if (!target.includes("sid", query) && !target.includes("%", query)) return undefined;
  return queryOf(target)?.sid || undefined;
}
