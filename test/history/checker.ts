/**
 * Checks a history against what recovery promises (faults.md, section 3): a chain is a client's connections that were
 * joined by `recovered`; within a chain nothing is lost, doubled, reordered or forged. What is uncertain (a join under way,
 * an operation whose answer never came) is never held against anybody.
 */
import type { Entry, Violation } from "./entry.js";
import { type Found, gather, NEVER } from "./found.js";
import type { Reach } from "./reach.js";
import { checkLoss } from "./rule/loss.js";
import { checkAgreement, checkFencing, checkIntegrity, checkOrder } from "./rule/receive.js";
import { checkReturns, checkStates } from "./rule/return.js";

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

export function check(history: readonly Entry[], reach: Reach = "host"): Report {
  const found = gather(history);
  const violations = [
    ...checkAgreement(history),
    ...checkFencing(history),
    ...checkReturns(history, reach, found.cuts),
    ...found.chains.flatMap((chain) => [
      ...checkIntegrity(chain, found),
      ...checkOrder(chain),
      ...checkLoss(chain, found),
      ...checkStates(chain, found),
    ]),
  ];
  return { violations, ...summary(history, found) };
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
  const returns = connects - clients;
  return { connects, returns, recovered, received, emitted, seenThoughUnanswered: seen.size, faults };
}
