import cluster from "node:cluster";
import { Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { HAND_OFF_TYPE } from "../../../src/protocol/hand-off.js";
import { machineTimeMs } from "../../../src/protocol/machine-time.js";
import { Inbox, type IsWelcome } from "../../../src/worker/inbox.js";

// sticky's half runs in cluster workers only. Messages are given to the inbox's own listener: vitest has one as well.
const known = { message: process.listeners("message"), internal: process.listeners("internalMessage" as "message") };
beforeAll(() => Object.assign(cluster, { isWorker: true }));
afterAll(() => Object.assign(cluster, { isWorker: false }));
afterEach(() => {
  for (const listener of added("message")) process.removeListener("message", listener);
  for (const listener of added("internal")) process.removeListener("internalMessage", listener);
});

test("a connection is taken: the primary is told first, then the server gets it and the bytes that were read", () => {
  const { receive, events } = setUp();
  const socket = new Socket();
  receive(message({ data: "GET /\xff" }), socket);
  expect(events).toEqual(["taken 1 true", "injected"]);
  expect(socket.read()).toEqual(Buffer.from("GET /\xff", "latin1"));
  expect(socket.allowHalfOpen).toBe(true);
});

test("while the word to the primary is not in the kernel nothing reads the connection", () => {
  const { receive, events, link } = setUp();
  link.behind = true;
  receive(message(), new Socket());
  expect(events).toEqual(["taken 1 true"]);
  link.caughtUp();
  expect(events).toEqual(["taken 1 true", "injected"]);
});

test("a connection counts as open until it is closed, and its end is told", async () => {
  const { receive, events, inbox } = setUp();
  const socket = new Socket();
  receive(message(), socket);
  expect(inbox.connections).toBe(1);
  socket.destroy();
  await new Promise((resolve) => socket.once("close", resolve));
  expect(inbox.connections).toBe(0);
  expect(events.at(-1)).toBe("closed 1");
});

test("a hand-off without its handle is told to be missing", () => {
  const { receive, events } = setUp();
  receive(message(), undefined);
  expect(events).toEqual(["taken 1 false"]);
});

test("a handle that the kernel dropped is told to be missing", () => {
  const { events } = setUp();
  for (const listener of added("internal")) listener({ cmd: "NODE_HANDLE", msg: message() }, undefined as never);
  expect(events).toEqual(["taken 1 false"]);
});

test("a handle that came with Node's own message is left to Node", () => {
  const { events } = setUp();
  for (const listener of added("internal")) listener({ cmd: "NODE_HANDLE", msg: message() }, {} as never);
  expect(events).toEqual([]);
});

test.each([
  ["comes too late", { validUntilMs: machineTimeMs() - 1 }, () => true],
  ["is not welcome", {}, () => false],
] as [string, object, IsWelcome][])("a connection that %s is given back and closed here", (_, fields, isWelcome) => {
  const { receive, events } = setUp(isWelcome);
  const socket = new Socket();
  receive(message(fields), socket);
  expect(events).toEqual(["taken 1 false"]);
  expect(socket.destroyed).toBe(true);
});

test("whether it is welcome is asked with what was read of it", () => {
  const asked: string[] = [];
  const { receive } = setUp((head) => asked.push(head) > 0);
  receive(message({ data: "GET /x " }), new Socket());
  expect(asked).toEqual(["GET /x "]);
});

test("a listener that comes later, such as an app's own setupWorker, sees no hand-off", () => {
  const { receive } = setUp();
  const given = message();
  receive(given, new Socket());
  expect(given.type).not.toBe(HAND_OFF_TYPE);
});

test.each([null, 5, "x", {}, { type: HAND_OFF_TYPE }])("%j is no hand-off", (value) => {
  const { receive, events } = setUp();
  receive(value, new Socket());
  expect(events).toEqual([]);
});

function setUp(isWelcome: IsWelcome = () => true) {
  const events: string[] = [];
  let resume = () => {};
  const link = {
    behind: false,
    taken: (sequence: number, found: boolean) => void events.push(`taken ${sequence} ${found}`),
    connectionClosed: (sequence: number) => void events.push(`closed ${sequence}`),
    whenCaughtUp: (callback: () => void) => {
      resume = callback;
    },
    caughtUp: () => resume(),
  };
  const inbox = new Inbox(link, () => void events.push("injected"), isWelcome);
  const [listener] = added("message");
  const receive = (value: unknown, socket: Socket | undefined) => listener?.(value, socket);
  return { inbox, link, events, receive };
}

function added(event: "message" | "internal"): NodeJS.MessageListener[] {
  const now = process.listeners((event === "internal" ? "internalMessage" : event) as "message");
  return now.filter((listener) => !known[event].includes(listener));
}

function message(fields: object = {}) {
  return { type: HAND_OFF_TYPE, data: "GET / ", sequence: 1, validUntilMs: machineTimeMs() + 5_000, ...fields };
}
