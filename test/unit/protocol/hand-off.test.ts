import { expect, test } from "vitest";
import { HAND_OFF_TYPE, isHandOffMessage } from "../../../src/protocol/hand-off.js";
import { machineTimeMs } from "../../../src/protocol/machine-time.js";

const message = { type: HAND_OFF_TYPE, data: "GET / ", sequence: 1, validUntilMs: 5 };

test("a hand-off is recognised, also after a way as JSON", () => {
  expect(isHandOffMessage(message)).toBe(true);
  expect(isHandOffMessage(JSON.parse(JSON.stringify(message)))).toBe(true);
});

test("bytes survive the way as latin1 in JSON", () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const data: string = JSON.parse(JSON.stringify({ data: bytes.toString("latin1") })).data;
  expect(Buffer.from(data, "latin1").equals(bytes)).toBe(true);
});

test.each([
  null,
  undefined,
  "sticky:connection",
  {},
  { ...message, type: "sticky:http-chunk" },
  { ...message, data: Buffer.from("GET / ") },
  { ...message, sequence: "1" },
  { ...message, validUntilMs: undefined },
])("%j is none", (value) => {
  expect(isHandOffMessage(value)).toBe(false);
});

test("the machine's clock goes forward", () => {
  const before = machineTimeMs();
  expect(machineTimeMs()).toBeGreaterThanOrEqual(before);
});
