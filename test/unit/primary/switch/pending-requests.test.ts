import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_REQUESTS_PER_LINK, PendingRequests } from "../../../../src/primary/switch/pending-requests.js";

interface Link {
  readonly name: string;
}

const links: readonly Link[] = ["a", "b", "c", "d"].map((name) => ({ name }));
const [a, b, c] = links as [Link, Link, Link, Link];
const TIMEOUT_MS = 1_000;
const LONG_AFTER_MS = 10_000;

test("a request ends when its last responder has answered", () => {
  const requests = new PendingRequests<Link>();
  const id = add(requests, a, 7, [b, c]);
  expect(requests.originOf(id, b)).toMatchObject({ origin: a, originId: 7 });
  expect(requests.answered(id, b)).toBeUndefined();
  expect(requests.answered(id, c)).toMatchObject({ origin: a, originId: 7, answered: 2, lost: 0 });
  expect(requests.size).toBe(0);
});

test("a responder is heard only once, and only on its own link", () => {
  const requests = new PendingRequests<Link>();
  const id = add(requests, a, 7, [b, c]);
  requests.answered(id, b);
  expect(requests.originOf(id, b)).toBeUndefined();
  expect(requests.answered(id, b)).toBeUndefined();
  expect(requests.originOf(id, a)).toBeUndefined();
  expect(requests.originOf(id, c)).toBeDefined();
  expect(requests.originOf(id + 1, c)).toBeUndefined();
});

describe("a link that ends", () => {
  test("is not waited for", () => {
    const requests = new PendingRequests<Link>();
    const id = add(requests, a, 7, [b, c]);
    requests.answered(id, b);
    expect(requests.drop(c)).toMatchObject([{ origin: a, originId: 7, answered: 1, lost: 1 }]);
    expect(requests.size).toBe(0);
  });

  test("leaves nothing that it asked", () => {
    const requests = new PendingRequests<Link>();
    const id = add(requests, a, 7, [b]);
    expect(requests.drop(a)).toEqual([]);
    expect(requests.originOf(id, b)).toBeUndefined();
    expect(requests.size).toBe(0);
  });
});

test("a request that was cancelled has no answer", () => {
  const requests = new PendingRequests<Link>();
  const id = add(requests, a, 7, [b]);
  requests.cancel(b, 7);
  expect(requests.originOf(id, b)).toBeDefined();
  requests.cancel(a, 7);
  expect(requests.originOf(id, b)).toBeUndefined();
});

test("an origin's id may be another origin's too, but not be in use twice", () => {
  const requests = new PendingRequests<Link>();
  add(requests, a, 7, [c]);
  add(requests, b, 7, [c]);
  expect(requests.add(a, 7, [b], TIMEOUT_MS, 0)).toBeUndefined();
  expect(requests.size).toBe(2);
});

test("one link cannot have more in flight than the bound", () => {
  const requests = new PendingRequests<Link>();
  for (let i = 0; i < MAX_REQUESTS_PER_LINK; i++) add(requests, a, i, [b]);
  expect(requests.add(a, MAX_REQUESTS_PER_LINK, [b], TIMEOUT_MS, 0)).toBeUndefined();
  add(requests, b, 0, [a]);
});

test("what nobody can be waiting for is swept", () => {
  const requests = new PendingRequests<Link>();
  add(requests, a, 1, [b]);
  requests.sweep(TIMEOUT_MS);
  expect(requests.size).toBe(1);
  requests.sweep(LONG_AFTER_MS);
  expect(requests.size).toBe(0);
  add(requests, a, 1, [b]);
});

test("every request has one outcome or none, and nothing is left in the end", () => {
  const link = fc.constantFrom(...links);
  const step = fc.oneof(
    fc.record({
      act: fc.constant("add"),
      link,
      originId: fc.nat(3),
      responders: fc.uniqueArray(link, { minLength: 1 }),
    }),
    fc.record({ act: fc.constantFrom("answered", "lost"), link, id: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ act: fc.constant("cancel"), link, originId: fc.nat(3) }),
    fc.record({ act: fc.constant("drop"), link }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const requests = new PendingRequests<Link>();
      const added = new Map<string, number>();
      const ended = new Map<string, number>();
      const end = ({ origin, originId }: { origin: Link; originId: number }) =>
        bump(ended, `${origin.name}${originId}`);
      for (const step of steps as Step[]) {
        if (step.act === "add") {
          const id = requests.add(step.link, step.originId, step.responders, TIMEOUT_MS, 0);
          if (id !== undefined) bump(added, `${step.link.name}${step.originId}`);
        } else if (step.act === "cancel") requests.cancel(step.link, step.originId);
        else if (step.act === "drop") for (const outcome of requests.drop(step.link)) end(outcome);
        else {
          const outcome = requests[step.act](step.id, step.link);
          if (outcome) end(outcome);
        }
      }
      for (const [key, count] of ended) expect(count).toBeLessThanOrEqual(added.get(key) ?? 0);
      requests.sweep(LONG_AFTER_MS);
      expect(requests.size).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});

type Step =
  | { act: "add"; link: Link; originId: number; responders: Link[] }
  | { act: "answered" | "lost"; link: Link; id: number }
  | { act: "cancel"; link: Link; originId: number }
  | { act: "drop"; link: Link };

function add(requests: PendingRequests<Link>, origin: Link, originId: number, responders: Link[]): number {
  const id = requests.add(origin, originId, responders, TIMEOUT_MS, 0);
  if (id === undefined) throw new Error("refused");
  return id;
}

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
