import { expect, test } from "vitest";
import { ownerKey } from "../../../../src/primary/acceptor/arrival.js";
import { Expectations } from "../../../../src/primary/acceptor/tls-expectation.js";

const [first, second] = [ownerKey({ slot: 0, incarnation: 0 }), ownerKey({ slot: 1, incarnation: 3 })];

test("from an address that nothing is known of, nothing is expected", () => {
  expect(new Expectations().take("::1", 0)).toBeUndefined();
});

test("connections go where a session was opened, until it has its WebSocket", () => {
  const expectations = new Expectations();
  expectations.add("::1", second, 0);
  expect([expectations.take("::1", 1), expectations.take("::1", 2)]).toEqual([second, second]);
  expectations.settle("::1", second);
  expect(expectations.take("::1", 3)).toBeUndefined();
  expect(expectations.size).toBe(0);
});

test("another address is another client", () => {
  const expectations = new Expectations();
  expectations.add("::1", second, 0);
  expect(expectations.take("::2", 1)).toBeUndefined();
});

test("after ten seconds nothing is expected any more", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expect(expectations.take("::1", 9_999)).toBe(first);
  expect(expectations.take("::1", 10_000)).toBeUndefined();
});

test("of several clients at one address, all are expected where the first is, until the last of those is settled", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.add("::1", second, 0);
  expectations.add("::1", first, 0);
  expectations.settle("::1", second);
  expectations.settle("::1", first);
  expect(expectations.take("::1", 1)).toBe(first);
  expectations.settle("::1", first);
  expect(expectations.take("::1", 1)).toBeUndefined();
});

test("the one that came next is expected when the first is settled", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.add("::1", second, 0);
  expectations.settle("::1", first);
  expect(expectations.take("::1", 1)).toBe(second);
  expectations.settle("::1", second);
  expect(expectations.size).toBe(0);
});

test("when the time of one worker is over another's session counts", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.add("::1", second, 10_000);
  expect(expectations.take("::1", 10_001)).toBe(second);
});

test("one worker does not get all sessions of an address: after some it is the next one's turn", () => {
  const expectations = new Expectations();
  let given = 0;
  for (expectations.add("::1", first, 0); expectations.take("::1", 1) === first; given++) {
    expectations.add("::1", first, 0);
  }
  expect(given).toBeGreaterThan(16);
  expect(given).toBeLessThan(64);
  expectations.add("::1", second, 2);
  expect(expectations.take("::1", 3)).toBe(second);
});

test("nor all connections of a burst", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  let given = 0;
  while (expectations.take("::1", 1) === first) given++;
  expect(given).toBeGreaterThan(64);
  expect(given).toBeLessThan(256);
  expect(expectations.size).toBe(0);
});

test("what is settled is that worker's, and what nobody told of does no harm", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.settle("::1", second);
  expectations.settle("::2", second);
  expect(expectations.take("::1", 1)).toBe(first);
});

test("of a worker that goes nothing is expected, so that another's sessions count at once", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.add("::2", second, 0);
  expectations.forget(first);
  expectations.add("::1", second, 1);
  expect([expectations.take("::1", 2), expectations.take("::2", 2)]).toEqual([second, second]);
});

test("it holds a bounded number of addresses, those told of last", () => {
  const expectations = new Expectations();
  for (let i = 0; i < Expectations.MAX_ADDRESSES; i++) expectations.add(`10.${i}`, first, 0);
  expectations.add("10.0", first, 0);
  expectations.add("::1", first, 0);
  expect(expectations.size).toBe(Expectations.MAX_ADDRESSES);
  expect(expectations.take("10.1", 1)).toBeUndefined();
  expect([expectations.take("10.0", 1), expectations.take("::1", 1)]).toEqual([first, first]);
});

test("a worker cannot make it hold what is no address", () => {
  const expectations = new Expectations();
  expectations.add("x".repeat(65), first, 0);
  expect(expectations.size).toBe(0);
});

test("what nothing has come of is swept away, and no more than that", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.add("::2", first, 5_000);
  expectations.sweep(9_000);
  expect(expectations.size).toBe(2);
  expectations.sweep(10_000);
  expect(expectations.size).toBe(1);
  expectations.sweep(15_000);
  expect(expectations.size).toBe(0);
});
