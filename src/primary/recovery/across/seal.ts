/**
 * Signs what hosts keep in Redis for each other, where there is a secret, and believes only what is signed. A signature is
 * the last 32 bytes, over all before them and the place where they are kept. Pure.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const SIGNATURE_BYTES = 32;

export class Seal {
  readonly #secret: string | undefined;

  constructor(secret: string | undefined) {
    this.#secret = secret;
  }

  close(place: string, pieces: readonly Uint8Array[]): Buffer {
    return Buffer.concat(this.#secret === undefined ? pieces : [...pieces, this.#signatureOf(place, pieces)]);
  }

  /** Undefined: nobody who knows the secret has written this there. */
  open(place: string, bytes: Buffer): Buffer | undefined {
    if (this.#secret === undefined) return bytes;
    if (bytes.length < SIGNATURE_BYTES) return undefined;
    const content = bytes.subarray(0, -SIGNATURE_BYTES);
    const isGenuine = timingSafeEqual(this.#signatureOf(place, [content]), bytes.subarray(-SIGNATURE_BYTES));
    return isGenuine ? content : undefined;
  }

  #signatureOf(place: string, pieces: readonly Uint8Array[]): Buffer {
    const hmac = createHmac("sha256", this.#secret as string).update(`${Buffer.byteLength(place)} ${place}`);
    for (const piece of pieces) hmac.update(piece);
    return hmac.digest();
  }
}
