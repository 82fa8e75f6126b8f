/**
 * Which pages of other origins may connect, by `--cors-origin`, and what their browsers must be told so that they show
 * an answer to the page. The primary uses it for the errors that it gives itself, the workers for all else. Pure.
 */

/** As browsers write them in `Origin`; `*` for any. */
export type Origins = readonly string[];

export const ANY_ORIGIN = "*";

export type Headers = Readonly<Record<string, string>>;

/** What is no browser sends no origin, and could send any. */
export function allowsOrigin(origins: Origins, origin: string | undefined): boolean {
  return origin === undefined || origins.includes(ANY_ORIGIN) || origins.includes(origin);
}

/** With these the page may read the answer; empty when it may not, or when nobody asks. */
export function crossOriginHeaders(origins: Origins, origin: string | undefined): Headers {
  if (origin === undefined || origins.length === 0) return {};
  if (origins.includes(origin)) {
    return { "Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", Vary: "Origin" };
  }
  return origins.includes(ANY_ORIGIN) ? { "Access-Control-Allow-Origin": ANY_ORIGIN } : { Vary: "Origin" };
}

/** Whether a browser asks beforehand if it may send a request. */
export function isPreflight(method: string | undefined, headers: { readonly [name: string]: unknown }): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

/** Beside `crossOriginHeaders`: whatever was asked for may be sent. */
export function preflightHeaders(method: string, headerNames: string | undefined): Headers {
  const names = headerNames ? { "Access-Control-Allow-Headers": headerNames } : {};
  return { "Access-Control-Allow-Methods": method, ...names };
}
