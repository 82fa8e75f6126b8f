/**
 * The order of the files: those that take longest begin first, since one that begins last would run on alone. Vitest goes by
 * what it remembers of earlier runs, and a fresh clone has none.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those of more than twenty seconds, as measured on two cores, the longest first. */
const LONGEST = [
  "history-of-random-faults-shows-no-lie",
  "connection-reset-at-any-moment-leaks-nothing",
  "balancer-need-not-be-sticky",
  "protocol-suites-pass-through-four-workers",
  "hosts-bear-what-anybody-publishes",
  "request-for-another-hosts-session-is-brought-there",
  "hosts-come-back-when-redis-does",
  "redis-link-comes-back-by-itself",
  "conformance-server-side",
  "conformance-payload",
  "browser-page-comes-back-by-itself",
  "hosts-are-one-node-each-to-redis",
  "reload-replaces-all-workers-or-none",
  "session-moves-between-hosts",
  "tls-is-spoken-by-the-workers",
  "hosts-forget-a-host-that-is-gone",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((name) => moduleId.includes(`/${name}.`));
  return rank < 0 ? LONGEST.length : rank;
}
