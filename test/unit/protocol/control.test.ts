import fc from "fast-check";
import { expect, test } from "vitest";
import {
  parsePrimaryMessage,
  parseWorkerBirth,
  parseWorkerMessage,
  privateSocketPath,
  type WorkerBirth,
  type WorkerMessage,
} from "../../../src/protocol/control.js";
import { ANY_SETTINGS } from "./worker-settings.js";

const beat: WorkerMessage = {
  type: "beat",
  connections: 1,
  sessions: 2,
  sockets: 3,
  rssBytes: 4,
  elu: 0.5,
  lagMs: 1.5,
  relays: 0,
  dropped: { "link-full": 2 },
  done: { "forwarded-to-host": 1 },
};
const messages: WorkerMessage[] = [
  { type: "hello", version: 1 },
  { type: "ready" },
  { type: "load-failed", file: "/a.js", message: "no", stack: "" },
  beat,
  { type: "resign" },
];

test.each(messages)("$type of a worker is read", (message) => {
  expect(parseWorkerMessage(JSON.stringify(message))).toEqual(message);
});

test("a drain of the primary is read", () => {
  const message = { type: "drain", withinMs: 25_000, reason: "reload", heirs: [{ slot: 1, incarnation: 7 }] };
  expect(parsePrimaryMessage(JSON.stringify(message))).toEqual(message);
});

test("where hosts are is read, and nothing like it", () => {
  const message = { type: "hosts", secret: "s", hosts: { abcd: "http://10.0.0.1:80" } };
  expect(parsePrimaryMessage(JSON.stringify(message))).toEqual(message);
  for (const wrong of [{ secret: 1 }, { hosts: [] }, { hosts: { abcd: 1 } }, { hosts: null }]) {
    expect(parsePrimaryMessage(JSON.stringify({ ...message, ...wrong }))).toBeUndefined();
  }
});

test.each([
  "",
  "{",
  "null",
  "[]",
  '"ready"',
  '{"type":"drain"}',
  '{"type":"constructor"}',
  '{"type":"__proto__"}',
  '{"type":["ready"]}',
])("%s is no message of a worker", (text) => {
  expect(parseWorkerMessage(text)).toBeUndefined();
});

test.each([
  { type: "drain", withinMs: -1, reason: "stop", heirs: [] },
  { type: "drain", withinMs: "1", reason: "stop", heirs: [] },
  { type: "drain", withinMs: 1, reason: "whim", heirs: [] },
  { type: "drain", withinMs: 1, reason: "stop" },
  { type: "drain", withinMs: 1, reason: "stop", heirs: [{ slot: 1 }] },
  { type: "ready" },
])("%j is no message of the primary", (message) => {
  expect(parsePrimaryMessage(JSON.stringify(message))).toBeUndefined();
});

test("a field of another type, or none, makes a worker's message none", () => {
  const wrong = fc.constantFrom(undefined, null, {}, [], true, -1, [1]);
  for (const message of messages) {
    for (const field of Object.keys(message).filter((name) => name !== "type")) {
      fc.assert(
        fc.property(wrong, (value) => {
          fc.pre(!(["dropped", "done"].includes(field) && JSON.stringify(value) === "{}"));
          expect(parseWorkerMessage(JSON.stringify({ ...message, [field]: value }))).toBeUndefined();
        }),
      );
    }
  }
});

test.each(["connections", "sessions", "sockets", "rssBytes", "relays"])("%s of a beat is a whole number", (field) => {
  expect(parseWorkerMessage(JSON.stringify({ ...beat, [field]: 1.5 }))).toBeUndefined();
});

test("no text makes the reader throw", () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => void parseWorkerMessage(text)));
});

test.each([
  { type: "tls", cert: "a", key: "b", ticketKeys: "c" },
  { type: "ticket-keys", ticketKeys: "c" },
  { type: "drain", withinMs: 1, reason: "reload", heirs: [] },
])("$type of the primary is read, and nothing less", (message) => {
  expect(parsePrimaryMessage(JSON.stringify(message))).toEqual(message);
  for (const field of Object.keys(message)) {
    expect(parsePrimaryMessage(JSON.stringify({ ...message, [field]: null }))).toBeUndefined();
  }
});

test("what a worker is born with is read, and nothing less", () => {
  const birth: WorkerBirth = {
    hostTag: "AAAA",
    hostId: "host-AAAA",
    slot: 0,
    incarnation: 1,
    generation: 1,
    primaryPid: 1,
    runDirectory: "/run/x",
    settings: ANY_SETTINGS,
  };
  expect(parseWorkerBirth(JSON.stringify(birth))).toEqual(birth);
  expect(parseWorkerBirth(undefined)).toBeUndefined();
  expect(parseWorkerBirth(JSON.stringify({ ...birth, slot: "0" }))).toBeUndefined();
});

test("every incarnation of a slot has a private socket of its own, short enough for the kernel", () => {
  const paths = [
    privateSocketPath("/run/h", 0, 1),
    privateSocketPath("/run/h", 0, 2),
    privateSocketPath("/run/h", 1, 1),
  ];
  expect(new Set(paths).size).toBe(3);
  expect(privateSocketPath("/run/user/1000/holdfast-1234567890", 4_095, 4_095).length).toBeLessThan(108);
});
