/**
 * Checks a history against what recovery promises (faults.md, section 3): a chain is a client's connections that were
 * joined by `recovered`; within a chain nothing is lost, doubled, reordered or forged. What is uncertain (a join under way,
 * an operation whose answer never came) is never held against anybody.
 */
import type { Entry, Operation, Target, Violation } from "./entry.js";

interface Placed<T extends Entry["type"]> {
  readonly at: number;
  readonly entry: Extract<Entry, { type: T }>;
}

interface Invocation {
  readonly at: number;
  readonly client: string;
  readonly id: string;
  readonly op: Operation;
  readonly okAt: number;
  readonly sender: string | undefined;
  readonly number: number;
}

/** A client's connections between two sessions that were not recovered. */
interface Chain {
  readonly client: string;
  readonly startAt: number;
  endAt: number;
  isOpen: boolean;
  readonly received: Placed<"receive">[];
  readonly states: Placed<"state">[];
}

interface Found {
  readonly invocations: ReadonlyMap<string, Invocation>;
  readonly byClient: ReadonlyMap<string, readonly Invocation[]>;
  readonly joinsOfOthers: ReadonlyMap<string, readonly Invocation[]>;
  readonly chains: readonly Chain[];
  readonly quietAt: number;
}

export interface Report {
  readonly violations: readonly Violation[];
  readonly connects: number;
  /** Of the connects after the first of each client. */
  readonly returns: number;
  readonly recovered: number;
  readonly received: number;
  readonly emitted: number;
  /** Events whose sending was never answered and that were seen all the same. */
  readonly seenThoughUnanswered: number;
  readonly faults: Readonly<Record<string, number>>;
}

const NEVER = Number.POSITIVE_INFINITY;

export function check(history: readonly Entry[]): Report {
  const found = gather(history);
  const violations = [
    ...checkAgreement(history),
    ...checkFencing(history),
    ...checkReturns(history),
    ...found.chains.flatMap((chain) => [
      ...checkIntegrity(chain, found),
      ...checkOrder(chain),
      ...checkLoss(chain, found),
      ...checkStates(chain, found),
    ]),
  ];
  return { violations, ...summary(history, found) };
}

function gather(history: readonly Entry[]): Found {
  const answers = new Map<string, Placed<"ok">>();
  for (const [at, entry] of history.entries()) if (entry.type === "ok") answers.set(entry.id, { at, entry });
  const invocations = new Map<string, Invocation>();
  const byClient = new Map<string, Invocation[]>();
  const joinsOfOthers = new Map<string, Invocation[]>();
  for (const [at, entry] of history.entries()) {
    if (entry.type !== "invoke") continue;
    const { id, client, op } = entry;
    const ok = answers.get(id);
    const invocation = {
      at,
      client,
      id,
      op,
      okAt: ok?.at ?? NEVER,
      sender: ok?.entry.sender,
      number: ok?.entry.number ?? 0,
    };
    invocations.set(id, invocation);
    append(byClient, client, invocation);
    if (op.kind === "joinOther") append(joinsOfOthers, op.other, invocation);
  }
  const quietAt = history.findIndex(({ type }) => type === "quiet");
  return { invocations, byClient, joinsOfOthers, chains: chainsOf(history), quietAt: quietAt < 0 ? NEVER : quietAt };
}

function chainsOf(history: readonly Entry[]): Chain[] {
  const chains: Chain[] = [];
  const current = new Map<string, Chain>();
  for (const [at, entry] of history.entries()) {
    if (entry.type === "connect") {
      const before = current.get(entry.client);
      if (before && entry.recovered) {
        before.isOpen = true;
        continue;
      }
      if (before) before.endAt = at;
      if (before) before.isOpen = false;
      const chain = { client: entry.client, startAt: at, endAt: NEVER, isOpen: true, received: [], states: [] };
      current.set(entry.client, chain);
      chains.push(chain);
    } else if (entry.type === "receive") current.get(entry.client)?.received.push({ at, entry });
    else if (entry.type === "state") current.get(entry.client)?.states.push({ at, entry });
    else if (entry.type === "close") {
      const chain = current.get(entry.client);
      if (chain) chain.isOpen = false;
    }
  }
  return chains;
}

/** A cursor names one event of each sender; one of a worker's own and one of others may end at the same place. */
function checkAgreement(history: readonly Entry[]): Violation[] {
  const named = new Map<string, { id: string; at: number }>();
  const violations: Violation[] = [];
  for (const [at, entry] of history.entries()) {
    if (entry.type !== "receive") continue;
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
function checkFencing(history: readonly Entry[]): Violation[] {
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

/** Every return is recovered, but for faults that excuse it; and in the end everybody is there. */
function checkReturns(history: readonly Entry[]): Violation[] {
  const clients = new Map<string, { isOpen: boolean; at: number; excusedAt: number }>();
  const violations: Violation[] = [];
  for (const [at, entry] of history.entries()) {
    if (entry.type === "fault" && entry.excuses) for (const client of clients.values()) client.excusedAt = at;
    if (entry.type === "close") {
      const client = clients.get(entry.client);
      if (client) client.isOpen = false;
    }
    if (entry.type !== "connect") continue;
    const before = clients.get(entry.client);
    clients.set(entry.client, { isOpen: true, at, excusedAt: -1 });
    if (!before || entry.recovered || before.excusedAt > before.at) continue;
    violations.push({
      rule: "recovered",
      client: entry.client,
      text: "came back as somebody new",
      at: [before.at, at],
    });
  }
  if (!history.some(({ type }) => type === "quiet")) return violations;
  for (const [client, { isOpen, at }] of clients) {
    if (!isOpen) violations.push({ rule: "liveness", client, text: "never came back", at: [at] });
  }
  return violations;
}

function checkIntegrity({ client, received }: Chain, { invocations }: Found): Violation[] {
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

function checkOrder({ client, received }: Chain): Violation[] {
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
    if (before && goesBack(before.entry.cursor, entry.cursor)) {
      const text = `the cursor went from ${before.entry.cursor} to ${entry.cursor}`;
      violations.push({ rule: "cursor", client, text, at: [before.at, at] });
    }
    before = placed;
  }
  return violations;
}

function goesBack(from: string, to: string): boolean {
  const [, worker, own = "", shared = ""] = from.split("~");
  const [, nextWorker, nextOwn = "", nextShared = ""] = to.split("~");
  if (worker !== nextWorker) return false;
  return number(nextOwn) < number(own) || number(nextShared) < number(shared);
}

function number(text: string): number {
  return Number.parseInt(text, 36);
}

/** What was certainly sent while the client was certainly meant must be there. */
function checkLoss(chain: Chain, found: Found): Violation[] {
  const got = new Set(chain.received.map(({ entry }) => entry.id));
  const highest = new Map<string, number>();
  for (const { entry } of chain.received)
    highest.set(entry.sender, Math.max(highest.get(entry.sender) ?? 0, entry.number));
  const isComplete = chain.isOpen && found.quietAt !== NEVER;
  const violations: Violation[] = [];
  for (const event of found.invocations.values()) {
    if (event.op.kind !== "emit" || event.okAt === NEVER || got.has(event.id)) continue;
    if (event.at <= chain.startAt || event.at >= chain.endAt) continue;
    const isPassed = (highest.get(event.sender as string) ?? -1) > event.number;
    if (!isComplete && !isPassed) continue;
    if (!isCertainlyFor(chain, event, event.op.target, found)) continue;
    const text = `${event.id} (${event.sender} ${event.number}) to ${event.op.target.room ?? "everybody"} never came`;
    violations.push({ rule: "loss", client: chain.client, text, at: [event.at, event.okAt] });
  }
  return violations;
}

function isCertainlyFor(chain: Chain, event: Invocation, { room, except }: Target, found: Found): boolean {
  if (room === "self") return event.client === chain.client;
  if (except !== undefined && mayBeIn(chain, except, found)) return false;
  return room === undefined || isCertainlyIn(chain, room, event, found);
}

function isCertainlyIn(chain: Chain, room: string, event: Invocation, found: Found): boolean {
  const own = (found.byClient.get(chain.client) ?? []).filter(({ at }) => at > chain.startAt && at < chain.endAt);
  const leftAt = Math.max(-1, ...own.filter(({ op }) => op.kind === "leave" && op.room === room).map(({ at }) => at));
  const joined = own.some(
    ({ op, at, okAt }) => op.kind === "join" && op.room === room && at > leftAt && okAt < event.at,
  );
  if (joined) return true;
  // The same worker had it joined before it sent: what a worker does is seen in the order of doing.
  const others = found.joinsOfOthers.get(chain.client) ?? [];
  return others.some(
    ({ op, at, okAt, sender, number: joinNumber }) =>
      op.kind === "joinOther" &&
      op.room === room &&
      at > Math.max(leftAt, chain.startAt) &&
      at < chain.endAt &&
      okAt !== NEVER &&
      sender === event.sender &&
      joinNumber < event.number,
  );
}

function mayBeIn(chain: Chain, room: string, { byClient, joinsOfOthers }: Found): boolean {
  const own = (byClient.get(chain.client) ?? []).some(({ op }) => op.kind === "join" && op.room === room);
  return own || (joinsOfOthers.get(chain.client) ?? []).some(({ op }) => op.kind === "joinOther" && op.room === room);
}

/** A session that has come back is what was last acknowledged of it. */
function checkStates(chain: Chain, found: Found): Violation[] {
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

function summary(history: readonly Entry[], { invocations, chains }: Found): Omit<Report, "violations"> {
  const connects = history.filter(({ type }) => type === "connect").length;
  const clients = new Set(chains.map(({ client }) => client)).size;
  const recovered = history.filter((entry) => entry.type === "connect" && entry.recovered).length;
  const faults: Record<string, number> = {};
  for (const entry of history) if (entry.type === "fault") faults[entry.name] = (faults[entry.name] ?? 0) + 1;
  const seen = new Set<string>();
  let received = 0;
  for (const entry of history) {
    if (entry.type !== "receive") continue;
    received++;
    if (invocations.get(entry.id)?.okAt === NEVER) seen.add(entry.id);
  }
  const emitted = [...invocations.values()].filter(({ op }) => op.kind === "emit").length;
  return {
    connects,
    returns: connects - clients,
    recovered,
    received,
    emitted,
    seenThoughUnanswered: seen.size,
    faults,
  };
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}
