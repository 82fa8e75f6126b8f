import { expect, test } from "vitest";
import { Hearing } from "../../../../../src/primary/recovery/across/hearing.js";

test("a gap is told once, up to where it is known to reach", () => {
  const hearing = new Hearing();
  expect([9, 9, 7, 12].map((upTo) => hearing.hasToTell("a", upTo))).toEqual([true, false, false, true]);
  expect(hearing.hasToTell("b", 9)).toBe(true);
});

test("a gap of which nobody knows how far it reaches is told each time", () => {
  const hearing = new Hearing();
  const unknown = Number.POSITIVE_INFINITY;
  expect([unknown, unknown, 9].map((upTo) => hearing.hasToTell("a", upTo))).toEqual([true, true, true]);
});

test("how far others had been heard before the first loss is known until that is settled", () => {
  const hearing = new Hearing();
  hearing.hear({ host: "a", number: 5 }, 0);
  for (const number of [6, 7]) {
    hearing.lose();
    hearing.hear({ host: "a", number }, 0);
  }
  expect(hearing.heardBefore.get("a")).toBe(5);
  hearing.settle();
  expect(hearing.heardBefore.get("a")).toBe(7);
});

test("hosts that are gone are forgotten, those that were heard lately are not", () => {
  const hearing = new Hearing();
  for (const [i, host] of ["gone", "late", "living"].entries()) hearing.hear({ host, number: 3 }, i);
  hearing.tell("gone", 3);
  hearing.forget(new Set(["living"]), 0);
  expect([...hearing.heard.keys()]).toEqual(["late", "living"]);
  expect(hearing.hasToTell("gone", 3)).toBe(true);
});

test("anybody may invent hosts, and fills no more than there is room for", () => {
  const hearing = new Hearing();
  for (let i = 0; i < 3_000; i++) {
    hearing.hear({ host: String(i), number: 1 }, 0);
    hearing.tell(String(i), 1);
  }
  expect(hearing.heard.size).toBe(1_024);
  expect(hearing.hasToTell("2999", 1)).toBe(true);
});
