/** Every return is recovered where that is promised, as what it was; and in the end everybody is there. */
import type { Entry, Violation } from "../entry.js";
import type { Chain, Cut, Found, Invocation } from "../found.js";
import type { Reach } from "../reach.js";

interface Before {
  isOpen: boolean;
  readonly at: number;
  readonly host: string | undefined;
  excusedAt: number;
  /** Its connection broke once more before it was let in. */
  isCutAgain: boolean;
}

export function checkReturns(history: readonly Entry[], reach: Reach, cuts: readonly Cut[]): Violation[] {
  const clients = new Map<string, Before>();
  const violations: Violation[] = [];
  for (const [at, entry] of history.entries()) {
    if (entry.type === "fault" && entry.excuses) for (const client of clients.values()) client.excusedAt = at;
    if (entry.type === "close") {
      const client = clients.get(entry.client);
      if (client) client.isCutAgain = !client.isOpen;
      if (client) client.isOpen = false;
    }
    if (entry.type !== "connect") continue;
    const before = clients.get(entry.client);
    clients.set(entry.client, { isOpen: true, at, host: entry.host, excusedAt: -1, isCutAgain: false });
    if (!before || entry.recovered || before.excusedAt > before.at) continue;
    // What it would have missed of other hosts comes by Redis, and so does a session that moves.
    const isCut = cuts.some(({ from, until }) => from < at && until > before.at);
    // Who is cut off in the midst of what it gets from another host cannot say how much it has got.
    if (reach === "host" ? before.host !== entry.host : isCut || before.isCutAgain) continue;
    const text = "came back as somebody new";
    violations.push({ rule: "recovered", client: entry.client, text, at: [before.at, at] });
  }
  return history.some(({ type }) => type === "quiet") ? [...violations, ...absent(clients)] : violations;
}

function absent(clients: ReadonlyMap<string, Before>): Violation[] {
  const missing = [...clients].filter(([, { isOpen }]) => !isOpen);
  return missing.map(([client, { at }]) => ({ rule: "liveness", client, text: "never came back", at: [at] }));
}

/** A session that has come back is what was last acknowledged of it. */
export function checkStates(chain: Chain, found: Found): Violation[] {
  const violations: Violation[] = [];
  const own = (found.byClient.get(chain.client) ?? []).filter(({ at }) => at > chain.startAt && at < chain.endAt);
  for (const { at, entry } of chain.states.slice(1)) {
    const wrong = (text: string) => violations.push({ rule: "state", client: chain.client, text, at: [at] });
    for (const room of certainRooms(own, at)) if (!entry.rooms.includes(room)) wrong(`it is no longer in ${room}`);
    for (const [key, values] of possibleValues(own, at)) {
      if (!values.has(entry.data[key])) wrong(`${key} is ${entry.data[key]}, not one of ${[...values]}`);
    }
  }
  return violations;
}

function certainRooms(own: readonly Invocation[], before: number): Set<string> {
  const rooms = new Set<string>();
  for (const { op, at, okAt } of own) {
    if (at > before) break;
    if (op.kind === "join" && okAt < before) rooms.add(op.room);
    if (op.kind === "leave") rooms.delete(op.room);
  }
  return rooms;
}

/** The last value that was acknowledged, and any that may have been set since. */
function possibleValues(own: readonly Invocation[], before: number): Map<string, Set<unknown>> {
  const values = new Map<string, Set<unknown>>();
  for (const { op, at, okAt } of own) {
    if (at > before || op.kind !== "set") continue;
    const known = okAt < before ? new Set<unknown>() : (values.get(op.key) ?? new Set<unknown>([undefined]));
    values.set(op.key, known.add(op.value));
  }
  return values;
}
