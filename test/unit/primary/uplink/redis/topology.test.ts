import { expect, test } from "vitest";
import { slotOf } from "../../../../../src/primary/uplink/redis/slot.js";
import { channelIn, mastersOf, slotTable } from "../../../../../src/primary/uplink/redis/topology.js";

const ASKED = { host: "10.0.0.1", port: 7_000 };
const REPLY = [
  [0, 5_460, ["10.0.0.1", 7_000, "id1", []], ["10.0.0.4", 7_003, "id4", []]],
  [10_923, 16_383, ["::1", 7_002, "id3", []]],
  [5_461, 10_921, ["", 7_001, "id2", []]],
  [10_922, 10_922, ["10.0.0.1", 7_000, "id1", []]],
];

test("each master has all its ranges; one that does not know its name has that of whom we asked", () => {
  expect(mastersOf(REPLY, ASKED)).toEqual([
    {
      name: "10.0.0.1:7000",
      address: { host: "10.0.0.1", port: 7_000 },
      ranges: [
        [0, 5_460],
        [10_922, 10_922],
      ],
    },
    { name: "[::1]:7002", address: { host: "::1", port: 7_002 }, ranges: [[10_923, 16_383]] },
    { name: "10.0.0.1:7001", address: { host: "10.0.0.1", port: 7_001 }, ranges: [[5_461, 10_921]] },
  ]);
});

test("a table tells each slot's master, and which slots have none", () => {
  const table = slotTable(mastersOf(REPLY, ASKED));
  expect([0, 5_460, 5_461, 10_922, 16_383].map((slot) => table[slot])).toEqual([
    "10.0.0.1:7000",
    "10.0.0.1:7000",
    "10.0.0.1:7001",
    "10.0.0.1:7000",
    "[::1]:7002",
  ]);
  expect(table).not.toContain(undefined);
  expect(slotTable(mastersOf(REPLY.slice(1), ASKED))).toContain(undefined);
});

test("a channel is found for each master, also for one of a single slot", () => {
  for (const ranges of [[[0, 5_000]], [[77, 77]]] as [number, number][][]) {
    const slot = slotOf(channelIn({ name: "a", address: ASKED, ranges }, "probe#"));
    expect(slot >= (ranges[0]?.[0] ?? 0) && slot <= (ranges[0]?.[1] ?? 0)).toBe(true);
  }
});

test.each([[null], [[["x"]]], [7]])("%j is not what Redis answers, and throws", (reply) => {
  expect(() => mastersOf(reply, ASKED)).toThrow();
});
