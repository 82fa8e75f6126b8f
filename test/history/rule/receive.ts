/** What comes is what was sent, to whom it was sent, once, in its sender's order, and on the connection that is there. */
import type { Entry, Violation } from "../entry.js";
import type { Chain, Found, Placed } from "../found.js";

/**
 * A cursor names one event of each sender; one of a worker's own and one of others may end at the same place. What is
 * replayed from another host has a cursor of the session's own: nowhere until all of it is there, then where the session
 * has come in.
 */
export function checkAgreement(history: readonly Entry[]): Violation[] {
  const named = new Map<string, { id: string; at: number }>();
  const violations: Violation[] = [];
  const hosts = new Set(history.flatMap((entry) => (entry.type === "connect" ? [entry.host] : [])));
  const returning = new Set<string>();
  for (const [at, entry] of history.entries()) {
    if (entry.type === "connect" && entry.recovered) returning.add(entry.client);
    if (entry.type !== "receive") continue;
    if (hosts.size > 1 && (isNowhere(entry.cursor) || returning.delete(entry.client))) continue;
    const name = `${entry.cursor} ${entry.sender}`;
    const before = named.get(name);
    if (!before) named.set(name, { id: entry.id, at });
    else if (before.id !== entry.id) {
      const text = `the cursor ${entry.cursor} stands for ${before.id} and for ${entry.id}`;
      violations.push({ rule: "agree", client: entry.client, text, at: [before.at, at] });
    }
  }
  return violations;
}

/** Nothing comes on a connection once a later one of the same client has been let in. */
export function checkFencing(history: readonly Entry[]): Violation[] {
  const connections = new Map<string, number>();
  const violations: Violation[] = [];
  for (const [at, entry] of history.entries()) {
    if (entry.type === "connect") connections.set(entry.client, (connections.get(entry.client) ?? 0) + 1);
    if (entry.type !== "receive") continue;
    const current = connections.get(entry.client) ?? 0;
    if (entry.connection >= current) continue;
    const text = `${entry.id} came on connection ${entry.connection} when ${current} was there`;
    violations.push({ rule: "fencing", client: entry.client, text, at: [at] });
  }
  return violations;
}

export function checkIntegrity({ client, received }: Chain, { invocations }: Found): Violation[] {
  const violations: Violation[] = [];
  for (const { at, entry } of received) {
    const invocation = invocations.get(entry.id);
    const wrong = (text: string) =>
      violations.push({ rule: "integrity", client, text: `${entry.id} ${text}`, at: [at] });
    if (invocation?.op.kind !== "emit") wrong("was never sent");
    else if (!entry.intact) wrong("is not what was sent");
    else if (invocation.sender !== undefined && invocation.sender !== entry.sender) wrong("has another sender");
    else if (invocation.op.target.room === "self" && invocation.client !== client) wrong("was for another client");
  }
  return violations;
}

export function checkOrder({ client, received }: Chain): Violation[] {
  const violations: Violation[] = [];
  const seen = new Map<string, number>();
  const last = new Map<string, Placed<"receive">>();
  let before: Placed<"receive"> | undefined;
  for (const placed of received) {
    const { at, entry } = placed;
    const seenAt = seen.get(entry.id);
    if (seenAt !== undefined) {
      violations.push({ rule: "duplicate", client, text: `${entry.id} came twice`, at: [seenAt, at] });
    }
    seen.set(entry.id, at);
    const previous = last.get(entry.sender);
    if (previous && previous.entry.number > entry.number) {
      const text = `${entry.id} (${entry.sender} ${entry.number}) came behind ${previous.entry.id} (${previous.entry.number})`;
      violations.push({ rule: "order", client, text, at: [previous.at, at] });
    }
    last.set(entry.sender, placed);
    if (before && !isNowhere(entry.cursor) && goesBack(before.entry.cursor, entry.cursor)) {
      const text = `the cursor went from ${before.entry.cursor} to ${entry.cursor}`;
      violations.push({ rule: "cursor", client, text, at: [before.at, at] });
    }
    if (!isNowhere(entry.cursor)) before = placed;
  }
  return violations;
}

/** Of what is replayed from another host, all but the last: the worker may be one that the client had before. */
function isNowhere(cursor: string): boolean {
  return cursor.endsWith("~0~0");
}

/** Numbers of another boot, or of another worker, say nothing. */
function goesBack(from: string, to: string): boolean {
  const [epoch, worker, own = "", shared = ""] = from.split("~");
  const [nextEpoch, nextWorker, nextOwn = "", nextShared = ""] = to.split("~");
  if (epoch !== nextEpoch || worker !== nextWorker) return false;
  return number(nextOwn) < number(own) || number(nextShared) < number(shared);
}

function number(text: string): number {
  return Number.parseInt(text, 36);
}
