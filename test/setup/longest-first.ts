/**
 * The order of the files: those that take longest begin first, since one that begins last would run on alone. Vitest goes by
 * what it remembers of earlier runs, and a fresh clone has none.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those of more than twenty seconds, as measured on two cores, the longest first. */
const LONGEST = [
  "history-of-random-faults-shows-no-lie",
  "balancer-need-not-be-sticky",
  "conformance-server-side",
  "connection-reset-at-any-moment-leaks-nothing",
  "redis-link-comes-back-by-itself",
  "redis-link-follows-its-masters",
  "request-for-another-hosts-session-is-brought-there",
  "hosts-come-back-when-redis-does",
  "conformance-payload",
  "hosts-bear-what-anybody-publishes",
  "hosts-find-a-dead-connection-to-redis",
  "worker-that-crashes-in-a-loop-is-slowed-down-and-heals",
  "browser-page-comes-back-by-itself",
  "hosts-without-redis-serve-alone",
  "hosts-go-by-no-clock",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((name) => moduleId.includes(`/flow/${name}`));
  return rank < 0 ? LONGEST.length : rank;
}
