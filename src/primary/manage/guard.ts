/**
 * Who may read the management endpoints that tell something, `/livez` and `/readyz` being open to all. Pure and in the
 * primary: it sees two headers and where the server listens, and knows neither the endpoints nor the connection.
 */
import { createHash, timingSafeEqual } from "node:crypto";

export interface GuardedListener {
  /** The address bound, not the name that was asked for. */
  readonly address: string;
  readonly token?: string | undefined;
}

export interface Credentials {
  readonly host: string | undefined;
  readonly authorization: string | undefined;
}

export interface Refusal {
  readonly status: 401 | 403;
  readonly text: string;
}

const BEARER = /^Bearer +(\S+)$/i;
const LOCAL_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** Why the request is refused; undefined lets it pass. */
export function refusal(listener: GuardedListener, credentials: Credentials): Refusal | undefined {
  if (isLoopback(listener.address) && !namesThisHost(credentials.host, listener.address)) return FOREIGN_HOST;
  if (listener.token !== undefined) return hasToken(credentials.authorization, listener.token) ? undefined : NO_TOKEN;
  return isLoopback(listener.address) ? undefined : TOKEN_UNSET;
}

const FOREIGN_HOST: Refusal = {
  status: 403,
  text: "The Host header does not name this machine: ask by localhost, 127.0.0.1 or [::1].",
};
const NO_TOKEN: Refusal = { status: 401, text: "Send the token: Authorization: Bearer <--manage-token>." };
const TOKEN_UNSET: Refusal = {
  status: 403,
  text: "Off loopback this needs a token: set --manage-token (HOLDFAST_MANAGE_TOKEN), or use --manage 127.0.0.1:PORT.",
};

export function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./i.test(address);
}

/**
 * A page in the operator's browser can point its own name at 127.0.0.1 (DNS rebinding), but the browser then sends that
 * name as Host. Any port will do, for tunnels; a request without Host (HTTP/1.0 only) is not from a browser.
 */
function namesThisHost(host: string | undefined, address: string): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, "").toLowerCase();
  return LOCAL_NAMES.includes(name) || name === address.toLowerCase() || name === `[${address.toLowerCase()}]`;
}

/** Digests have one length, which timingSafeEqual wants and which keeps the token's own length unknown. */
function hasToken(authorization: string | undefined, token: string): boolean {
  const sent = BEARER.exec(authorization ?? "")?.[1];
  return sent !== undefined && timingSafeEqual(digest(sent), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
