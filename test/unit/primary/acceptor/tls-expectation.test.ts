import { expect, test } from "vitest";
import { ownerKey } from "../../../../src/primary/acceptor/arrival.js";
import { Expectations } from "../../../../src/primary/acceptor/tls-expectation.js";

const [first, second] = [ownerKey({ slot: 0, incarnation: 0 }), ownerKey({ slot: 1, incarnation: 3 })];

test("from an address that nothing is known of, nothing is expected", () => {
  expect(new Expectations().take("::1", 0)).toBeUndefined();
});

test("the few connections after a session was opened go where it is, and no more", () => {
  const expectations = new Expectations();
  expectations.add("::1", second, 0);
  const owners = Array.from({ length: 5 }, () => expectations.take("::1", 1));
  expect(owners).toEqual([second, second, second, second, undefined]);
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
  expect(expectations.size).toBe(0);
});

test("a session that has its WebSocket brings no more", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.settle("::1", first);
  expect(expectations.take("::1", 1)).toBeUndefined();
  expect(expectations.size).toBe(0);
});

test("what is settled is that worker's, and what nobody told of does no harm", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.settle("::1", second);
  expectations.settle("::2", second);
  expect(expectations.take("::1", 1)).toBe(first);
});

test("of several clients at one address, the one that came first is served first", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  expectations.add("::1", second, 1);
  const owners = Array.from({ length: 8 }, () => expectations.take("::1", 2));
  expect(owners).toEqual([first, first, first, first, second, second, second, second]);
});

test("it holds a bounded number of addresses, those told of last", () => {
  const expectations = new Expectations();
  for (let i = 0; i <= Expectations.MAX_ADDRESSES; i++) expectations.add(`10.${i}`, first, 0);
  expect(expectations.size).toBe(Expectations.MAX_ADDRESSES);
  expect(expectations.take("10.0", 1)).toBeUndefined();
  expect(expectations.take(`10.${Expectations.MAX_ADDRESSES}`, 1)).toBe(first);
});

test("it holds a bounded number of sessions of one address, those opened last", () => {
  const expectations = new Expectations();
  expectations.add("::1", first, 0);
  for (let i = 0; i < Expectations.MAX_OF_ADDRESS; i++) expectations.add("::1", second, 0);
  expect(expectations.take("::1", 1)).toBe(second);
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
