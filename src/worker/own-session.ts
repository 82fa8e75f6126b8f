/** Whether a request belongs to a session of a given worker, told from the bytes that came with a hand-off. */
import { sessionIdOf } from "../protocol/request-target.js";
import { type SessionOwner, sessionIdPrefix } from "../protocol/session-id.js";

/** `head` begins with the request line, which the primary has checked; blank lines may stand before it. */
export function isOfSession(head: string, owner: SessionOwner): boolean {
  const target = head.trimStart().split(" ", 2)[1] ?? "";
  return sessionIdOf(target)?.startsWith(sessionIdPrefix(owner)) === true;
}
