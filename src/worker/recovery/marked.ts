/**
 * Puts a client's cursor behind the arguments of an event that is encoded already. Socket.IO's client takes a last argument
 * that is a string for the offset to return with. Pure.
 */
import type { EventPart } from "../event.js";

/** `2/news,["event",…]`, or `51-…` with attachments behind it: a cursor needs no escaping in JSON. */
const EVENT_TEXT = /^(?:2|5\d+-)/;

/** Of Socket.IO's own parser; undefined: not its text. */
export function markText([text, ...attachments]: readonly EventPart[], cursor: string): EventPart[] | undefined {
  if (typeof text !== "string" || !text.endsWith("]") || !EVENT_TEXT.test(text)) return undefined;
  return [`${text.slice(0, -1)},"${cursor}"]`, ...attachments];
}
