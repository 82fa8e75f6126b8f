import { expect, test } from "vitest";
import { BALANCES } from "../../../../src/config/settings.js";
import { type Candidate, createBalance } from "../../../../src/primary/acceptor/balance.js";

interface Worker extends Candidate {
  connections: number;
}

const noAddress = () => undefined;

test("least-connection spreads a burst evenly when what it hands out is counted at once", () => {
  const all = workers(4);
  const choose = createBalance("least-connection");
  for (let i = 0; i < 400; i++) choose(all, noAddress).connections++;
  expect(all.map((worker) => worker.connections)).toEqual([100, 100, 100, 100]);
});

test("least-connection spreads connections of which none stays open", () => {
  const all = workers(4);
  const choose = createBalance("least-connection");
  const chosen = Array.from({ length: 8 }, () => choose(all, noAddress).slot);
  expect(chosen).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
});

test("least-connection prefers the one with fewer, whoever's turn it is", () => {
  const all = workers(3);
  const [first, second, third] = all as [Worker, Worker, Worker];
  first.connections = 5;
  second.connections = 3;
  third.connections = 4;
  const choose = createBalance("least-connection");
  expect(choose(all, noAddress)).toBe(second);
  second.connections = 9;
  expect(choose(all, noAddress)).toBe(third);
});

test("round-robin takes turns, whatever they have", () => {
  const all = workers(3);
  (all[0] as Worker).connections = 1000;
  const choose = createBalance("round-robin");
  expect(Array.from({ length: 6 }, () => choose(all, noAddress).slot)).toEqual([0, 1, 2, 0, 1, 2]);
});

test("random reaches everybody", () => {
  const all = workers(3);
  const choose = createBalance("random");
  const chosen = new Set(Array.from({ length: 200 }, () => choose(all, noAddress).slot));
  expect(chosen.size).toBe(3);
});

test("ip-hash gives an address always the same worker, and spreads addresses", () => {
  const all = workers(4);
  const choose = createBalance("ip-hash");
  const slotOf = (address: string) => choose(all, () => address).slot;
  const slots = addresses(400).map(slotOf);
  expect(addresses(400).map(slotOf)).toEqual(slots);
  for (let slot = 0; slot < 4; slot++) expect(slots.filter((s) => s === slot).length).toBeGreaterThan(60);
});

test("with ip-hash a worker that goes takes along only its own addresses", () => {
  const all = workers(4);
  const choose = createBalance("ip-hash");
  const before = addresses(200).map((address) => choose(all, () => address).slot);
  const after = addresses(200).map((address) => choose(all.slice(1), () => address).slot);
  expect(before.filter((slot) => slot !== 0)).toEqual(after.filter((_, i) => before[i] !== 0));
});

test.each(BALANCES)("%s works when the number of workers changes", (name) => {
  const choose = createBalance(name);
  for (const count of [3, 1, 5, 2]) {
    for (let i = 0; i < 7; i++) expect(choose(workers(count), () => "::1").slot).toBeLessThan(count);
  }
});

function workers(count: number): Worker[] {
  return Array.from({ length: count }, (_, slot) => ({ slot, connections: 0 }));
}

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
}
