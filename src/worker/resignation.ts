/**
 * A worker that a signal of its own tells to end, from outside: it has its primary replace it first. The primary answers
 * with `drain`, as to any worker that is to go; one that does not answer is not waited for.
 */
import type { Drain } from "./drain.js";
import type { Link } from "./link.js";

const ANSWERED_WITHIN_MS = 2_000;
const UNANSWERED_DRAIN_MS = 25_000;

/** The first start of a drain counts: what the primary orders meanwhile stands. */
export function resign(link: Pick<Link, "send">, drain: Pick<Drain, "start">): void {
  link.send({ type: "resign" });
  setTimeout(() => drain.start(UNANSWERED_DRAIN_MS), ANSWERED_WITHIN_MS).unref();
}
