import fc from "fast-check";
import { expect, test } from "vitest";
import { judge } from "../../../../src/primary/supervisor/channel-message.js";

test("acknowledgements of handles pass", () => {
  expect(judge('{"cmd":"NODE_HANDLE_ACK"}')).toEqual({ is: "acknowledgement", cmd: "NODE_HANDLE_ACK" });
  expect(judge('{"cmd":"NODE_HANDLE_NACK"}')).toEqual({ is: "acknowledgement", cmd: "NODE_HANDLE_NACK" });
});

test("what node:cluster says by itself is idle talk", () => {
  expect(judge('{"cmd":"NODE_CLUSTER","act":"online","seq":0}').is).toBe("idle-talk");
});

test("an app that listens by itself is told apart, with where", () => {
  const message = { cmd: "NODE_CLUSTER", act: "queryServer", seq: 7, address: null, port: 9_100, addressType: 6 };
  expect(judge(JSON.stringify(message))).toEqual({ is: "listen-request", sequence: 7, where: "*:9100" });
});

test.each(["ready", null, 1, { type: "axm:monitor" }, [], { cmd: 5 }, { cmd: "restart" }])(
  "process.send(%j) of an app is harmless",
  (message) => {
    expect(judge(JSON.stringify(message)).is).toBe("app-message");
  },
);

test.each([
  ["no JSON", "\u0000\u0001garbage"],
  ["an empty line", ""],
  ["a handle of the worker's", '{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{}}'],
  ["a handle of no type", '{"cmd":"NODE_HANDLE"}'],
  ["a debugger's word", '{"cmd":"NODE_DEBUG_ENABLED"}'],
  ["a socket list's word", '{"cmd":"NODE_SOCKET_COUNT","key":1}'],
  ["an answer to what was not asked", '{"cmd":"NODE_CLUSTER","act":"online","ack":1}'],
  ["a listen request without a number", '{"cmd":"NODE_CLUSTER","act":"queryServer"}'],
  ["an unknown word of node:cluster", '{"cmd":"NODE_CLUSTER","act":"constructor"}'],
])("%s is a violation", (_, line) => {
  expect(judge(line).is).toBe("violation");
});

test("a deeply nested object is judged like any other", () => {
  const depth = 100_000;
  expect(judge("[".repeat(depth) + "]".repeat(depth)).is).toBe("app-message");
});

test("no line makes it throw", () => {
  const anything = fc.oneof(
    fc.string(),
    fc.json(),
    fc.object({ key: fc.constantFrom("cmd", "act", "seq", "ack") }).map((value) => JSON.stringify(value)),
  );
  fc.assert(fc.property(anything, (line) => typeof judge(line).is === "string"));
});
