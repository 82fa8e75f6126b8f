import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TlsPair } from "../../../src/config/tls-pair.js";
import { sayCertificate, TicketKeys } from "../../../src/primary/tls-credentials.js";
import type { PrimaryMessage } from "../../../src/protocol/control.js";

const DAY_MS = 24 * 3_600_000;
const pair: TlsPair = { cert: "c", key: "hush", subject: "DNS:a", validTo: "May 1", expiresInMs: 90 * DAY_MS };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("every worker gets the same keys for tickets, and another host others", () => {
  const keys = new TicketKeys();
  const word = keys.firstWord(pair) as PrimaryMessage & { ticketKeys: string };
  expect(word).toMatchObject({ type: "tls", cert: "c", key: "hush" });
  expect(Buffer.from(word.ticketKeys, "base64").length).toBe(48);
  expect(keys.firstWord(pair)).toEqual(word);
  expect(new TicketKeys().firstWord(pair)).not.toEqual(word);
});

test("twice a day the keys are others, for those that run and those to come", () => {
  const keys = new TicketKeys();
  const before = keys.firstWord(pair);
  const told: PrimaryMessage[] = [];
  keys.rotateNowAndThen((message) => told.push(message));
  vi.advanceTimersByTime(DAY_MS);
  expect(told).toHaveLength(2);
  const { ticketKeys } = told[1] as { ticketKeys: string };
  expect(keys.firstWord(pair)).toEqual({ ...before, ticketKeys });
  expect(before).not.toMatchObject({ ticketKeys });
});

test.each([
  [90, "info", "is valid until May 1"],
  [13, "warn", "expires soon: May 1"],
  [-1, "warn", "has expired: May 1"],
])("a certificate that ends in %i days is told of at level %s, without its key", (days, level, text) => {
  const log = { info: vi.fn(), warn: vi.fn() };
  sayCertificate({ ...pair, expiresInMs: days * DAY_MS }, log);
  const [[fields, said]] = log[level as "info" | "warn"].mock.calls as [[object, string]];
  expect(said).toContain(text);
  expect(log.info.mock.calls.length + log.warn.mock.calls.length).toBe(1);
  expect(JSON.stringify(fields)).not.toContain("hush");
});
