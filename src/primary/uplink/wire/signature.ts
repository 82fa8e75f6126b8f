/**
 * What a signature vouches for: that a host which knows the secret wrote these bytes for this channel. It is the message's
 * last 32 bytes, over all before them, so envelope, arguments, sender and sequence cannot be changed, nor the message be
 * sent to another namespace. That it is not sent again is the sequence's to say (sequence.ts). Nothing is kept secret.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export const SIGNATURE_BYTES = 32;

/** Writes the last 32 bytes. */
export function sign(secret: string, channel: string, message: Buffer): void {
  signatureOf(secret, channel, message).copy(message, message.length - SIGNATURE_BYTES);
}

export function isSigned(secret: string, channel: string, message: Buffer): boolean {
  if (message.length < SIGNATURE_BYTES) return false;
  return timingSafeEqual(signatureOf(secret, channel, message), message.subarray(-SIGNATURE_BYTES));
}

function signatureOf(secret: string, channel: string, message: Buffer): Buffer {
  // The length keeps the end of a channel's name from being taken for the beginning of a message.
  return createHmac("sha256", secret)
    .update(`${Buffer.byteLength(channel)} ${channel}`)
    .update(message.subarray(0, -SIGNATURE_BYTES))
    .digest();
}
