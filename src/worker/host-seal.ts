/**
 * The word of one host's worker to another's about a request that it forwards: whose it is, and that a host of this cluster
 * says so. It stands in a header, and vouches for the method, the target (and so the session) and the client's address;
 * not for the body, nor for who answers. Pure.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export interface Sealed {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
}

const NONCE_BYTES = 12;
const SEALED = /^([\w-]{16}) ([\w-]{43}) ?(.{0,120})$/;

/** `client` is what client-address.ts writes, the secret is the cluster's. */
export function seal(secret: string, request: Sealed, client: string): string {
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  return `${nonce} ${signatureOf(secret, request, client, nonce)} ${client}`;
}

/** The client, or undefined where no host of this cluster has written it. */
export function openSeal(secret: string, request: Sealed, header: string): string | undefined {
  const [, nonce, signature, client] = SEALED.exec(header) ?? [];
  if (nonce === undefined || signature === undefined || client === undefined) return undefined;
  // A header's value comes without the spaces at its ends.
  const expected = signatureOf(secret, request, client, nonce);
  return timingSafeEqual(Buffer.from(expected), Buffer.from(signature)) ? client : undefined;
}

function signatureOf(secret: string, { method, url }: Sealed, client: string, nonce: string): string {
  const text = JSON.stringify([method, url, client.trim(), nonce]);
  return createHmac("sha256", secret).update(text).digest("base64url");
}
