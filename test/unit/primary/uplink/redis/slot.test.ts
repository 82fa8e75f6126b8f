import { expect, test } from "vitest";
import { slotOf } from "../../../../../src/primary/uplink/redis/slot.js";

// As CLUSTER KEYSLOT of Redis 7.0 answers.
test.each([
  ["123456789", 12_739],
  ["foo", 12_182],
  ["bar", 5_061],
  ["{foo}bar", 12_182],
  ["{}foo", 9_500],
  ["", 0],
])("%j is in slot %d", (channel, slot) => {
  expect(slotOf(channel)).toBe(slot);
});

test("only what stands between the first braces counts, where anything does", () => {
  expect(slotOf("a{foo}b{bar}")).toBe(slotOf("foo"));
  expect(slotOf("a{{foo}}")).toBe(slotOf("{foo"));
  expect(slotOf("socket.io#/#räume#")).toBeLessThan(16_384);
});
