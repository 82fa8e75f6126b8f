import { expect, test } from "vitest";
import { DropCounter } from "../../../src/worker/drop-counter.js";

test("what anybody outside can cause is counted and not logged", () => {
  const lines: object[] = [];
  const drops = new DropCounter({ warn: (fields) => lines.push(fields) });
  drops.count("a");
  drops.count("a");
  expect(drops.counts).toEqual({ a: 2 });
  expect(lines).toEqual([]);
});

test("all are counted by reason, and each reason is logged once in a while", () => {
  const lines: object[] = [];
  const drops = new DropCounter({ warn: (fields) => lines.push(fields) });
  for (let i = 0; i < 1_000; i++) drops.drop("a");
  drops.drop("b", new Error("why"));
  expect(drops.counts).toEqual({ a: 1_000, b: 1 });
  expect(lines).toMatchObject([{ reason: "a" }, { reason: "b", err: { message: "why" } }]);
});
