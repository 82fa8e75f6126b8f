/**
 * What the workers are told so that they can speak TLS: the pair of their generation, and the keys of session tickets.
 * Those are one for all workers, made at the start and kept when workers are replaced, so a client resumes its session
 * wherever it lands; they live in memory only, and are changed now and then: who got hold of them could read what was said
 * in sessions resumed meanwhile.
 */
import { randomBytes } from "node:crypto";
import type { TlsPair } from "../config/tls-pair.js";
import type { PrimaryMessage } from "../protocol/control.js";

/** Name, HMAC key and AES key of 16 bytes each (tls.Server's `ticketKeys`). */
const TICKET_KEY_BYTES = 48;
const ROTATED_EVERY_MS = 12 * 3_600_000;
const EXPIRES_SOON_MS = 14 * 24 * 3_600_000;

export class TicketKeys {
  #current = newKeys();

  /** What a worker with this pair is told first. */
  firstWord({ cert, key }: TlsPair): PrimaryMessage {
    return { type: "tls", cert, key, ticketKeys: this.#current };
  }

  /** `tell` reaches every worker that there is. */
  rotateNowAndThen(tell: (message: PrimaryMessage) => void): void {
    setInterval(() => {
      this.#current = newKeys();
      tell({ type: "ticket-keys", ticketKeys: this.#current });
    }, ROTATED_EVERY_MS).unref();
  }
}

interface CertificateLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

/** At the start and at each reload, so that it can be seen which certificate is in force. */
export function sayCertificate({ subject, validTo, expiresInMs }: TlsPair, log: CertificateLog): void {
  const fields = { event: "tls-certificate", subject, validTo };
  if (expiresInMs <= 0) log.warn(fields, `the certificate of ${subject} has expired: ${validTo}`);
  else if (expiresInMs < EXPIRES_SOON_MS) log.warn(fields, `the certificate of ${subject} expires soon: ${validTo}`);
  else log.info(fields, `the certificate of ${subject} is valid until ${validTo}`);
}

function newKeys(): string {
  return randomBytes(TICKET_KEY_BYTES).toString("base64");
}
