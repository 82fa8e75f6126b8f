/**
 * Session ids that describe themselves: every process can tell from the 20 characters alone which host, slot and worker
 * incarnation owns a session, so routing needs no table and nothing is left behind when a session ends.
 *
 * Layout, in URL-safe base64 characters (6 bits each): host 4, slot 2, incarnation 2, random 12 (72 bits).
 */
import { randomBytes } from "node:crypto";

export type HostTag = string & { readonly __brand: "HostTag" };

/** The one worker process that holds a session. */
export interface SessionOwner {
  readonly host: HostTag;
  readonly slot: number;
  readonly incarnation: number;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const WELL_FORMED = /^[\w-]{20}$/;
const RANDOM_BYTES = 9;

/** Slots and incarnations are written in two characters. */
export const OWNER_NUMBER_LIMIT = 64 * 64;

/** A tag for this boot of the primary; two boots of one host have different tags, so old sessions are never mistaken. */
export function createHostTag(): HostTag {
  return randomBytes(3).toString("base64url") as HostTag;
}

export function createSessionId(owner: SessionOwner): string {
  return sessionIdPrefix(owner) + randomBytes(RANDOM_BYTES).toString("base64url");
}

/** The eight characters that all session ids of one worker incarnation begin with. */
export function sessionIdPrefix(owner: SessionOwner): string {
  return owner.host + encodeNumber(owner.slot) + encodeNumber(owner.incarnation);
}

export function isWellFormedSessionId(text: string): boolean {
  return WELL_FORMED.test(text);
}

/** The owner a session id names, or undefined when it is not of Holdfast's form. Says nothing about whether it lives. */
export function ownerOf(sessionId: string): SessionOwner | undefined {
  if (!isWellFormedSessionId(sessionId)) return undefined;
  return {
    host: sessionId.slice(0, 4) as HostTag,
    slot: decodeNumber(sessionId, 4),
    incarnation: decodeNumber(sessionId, 6),
  };
}

function encodeNumber(value: number): string {
  return ALPHABET.charAt((value >> 6) & 63) + ALPHABET.charAt(value & 63);
}

function decodeNumber(text: string, at: number): number {
  return ALPHABET.indexOf(text.charAt(at)) * 64 + ALPHABET.indexOf(text.charAt(at + 1));
}
