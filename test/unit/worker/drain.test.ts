import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Drain, type DrainingRelay, type DrainingSession, dueBy } from "../../../src/worker/drain.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

test("sessions are due evenly over 5 ms each, or over most of the time where that is less", () => {
  expect([0, 50, 100, 250].map((elapsedMs) => dueBy(elapsedMs, 100, 25_000))).toEqual([0, 10, 20, 50]);
  expect(dueBy(500, 100, 25_000)).toBe(Number.POSITIVE_INFINITY);
  expect([200, 400, 799].map((elapsedMs) => dueBy(elapsedMs, 10_000, 1_000))).toEqual([2_500, 5_000, 9_988]);
  expect(dueBy(800, 10_000, 1_000)).toBe(Number.POSITIVE_INFINITY);
  expect(dueBy(0, 0, 1_000)).toBe(Number.POSITIVE_INFINITY);
});

test("a worker with nothing is done at once", () => {
  const { drain, state } = setUp(0);
  drain.start(25_000);
  expect(state.begun).toBe(1);
  vi.advanceTimersByTime(40);
  expect(state.done).toBe(1);
});

test("sessions are closed at a pace, each once, and the worker is done after the last", () => {
  const { drain, state } = setUp(200);
  drain.start(25_000);
  vi.advanceTimersByTime(500);
  expect(state.closed).toBe(100);
  vi.advanceTimersByTime(600);
  expect([state.closed, state.done]).toEqual([200, 1]);
});

test("a session that comes while others are closed is closed as well", () => {
  const { drain, state, add } = setUp(10);
  drain.start(25_000);
  vi.advanceTimersByTime(30);
  add();
  vi.advanceTimersByTime(60);
  expect([state.closed, state.done]).toEqual([11, 1]);
});

test("relays are closed at the same pace, each once, behind the sessions", () => {
  const { drain, state, addRelay } = setUp(100);
  for (let i = 0; i < 100; i++) addRelay();
  state.connections = 100;
  drain.start(25_000);
  vi.advanceTimersByTime(500);
  expect([state.closed, state.relaysClosed]).toEqual([100, 0]);
  vi.advanceTimersByTime(260);
  expect(state.relaysClosed).toBe(52);
  vi.advanceTimersByTime(340);
  expect([state.closed, state.relaysClosed]).toEqual([100, 100]);
});

test("a relay that begins meanwhile is let through before it is closed", () => {
  const { drain, state, addRelay } = setUp(0);
  state.connections = 1;
  drain.start(25_000);
  vi.advanceTimersByTime(100);
  addRelay();
  vi.advanceTimersByTime(1_900);
  expect(state.relaysClosed).toBe(0);
  vi.advanceTimersByTime(200);
  expect(state.relaysClosed).toBe(1);
});

test("connections at work are waited for, until the time is up", () => {
  const { drain, state } = setUp(1);
  state.connections = 1;
  drain.start(2_000);
  vi.advanceTimersByTime(1_900);
  expect(state.done).toBe(0);
  vi.advanceTimersByTime(200);
  expect(state.done).toBe(1);
});

test("idle connections are not closed while sessions are left: their clients may be about to send", () => {
  const { drain, state } = setUp(400);
  state.connections = 1;
  drain.start(25_000);
  vi.advanceTimersByTime(1_900);
  expect(state.idleClosings).toBe(0);
  vi.advanceTimersByTime(200);
  expect(state.idleClosings).toBeGreaterThan(0);
});

test.each([
  [25_000, 1_000],
  [400, 200],
])("of %i ms to drain idle connections have %i, that they be used once more", (withinMs, graceMs) => {
  const { drain, state } = setUp(1);
  state.connections = 1;
  drain.start(withinMs);
  vi.advanceTimersByTime(graceMs - 10);
  expect(state.idleClosings).toBe(0);
  vi.advanceTimersByTime(20);
  expect(state.idleClosings).toBe(1);
});

test("a client that does not answer the closing of its WebSocket is cut off", () => {
  const { drain, state } = setUp(3);
  drain.start(25_000);
  vi.advanceTimersByTime(100);
  expect(state.terminated).toBe(0);
  vi.advanceTimersByTime(2_000);
  expect(state.terminated).toBe(3);
});

test("a polling client that polls no more is not waited for, one that has a poll waiting is", () => {
  const { drain, state, addPoller } = setUp(0);
  addPoller({ writable: true });
  addPoller({ writable: false });
  drain.start(25_000);
  vi.advanceTimersByTime(4_900);
  expect(state.givenUp).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(state.givenUp).toEqual([{ writable: false }]);
});

test("a second word to drain changes nothing", () => {
  const { drain, state } = setUp(100);
  drain.start(25_000);
  drain.start(0);
  vi.advanceTimersByTime(100);
  expect([state.begun, state.done]).toEqual([1, 0]);
});

function setUp(count: number) {
  const state = {
    begun: 0,
    closed: 0,
    relaysClosed: 0,
    done: 0,
    idleClosings: 0,
    terminated: 0,
    connections: 0,
    givenUp: [] as object[],
  };
  const sessions = new Set<DrainingSession>();
  const add = () => {
    const session = {
      readyState: "open",
      transport: { name: "websocket", writable: true, socket: { terminate: () => void state.terminated++ } },
      close() {
        state.closed++;
        session.readyState = "closed";
        sessions.delete(session);
      },
      onClose() {},
    };
    sessions.add(session);
  };
  const addPoller = (poll: { writable: boolean }) => {
    const session = {
      readyState: "open",
      transport: { name: "polling", ...poll },
      close: () => {
        session.readyState = "closing";
      },
      onClose: () => {
        state.givenUp.push(poll);
        sessions.delete(session);
      },
    };
    sessions.add(session);
  };
  const relays = new Set<DrainingRelay>();
  const addRelay = () => relays.add({ close: () => void state.relaysClosed++ });
  for (let i = 0; i < count; i++) add();
  const worker = {
    begin: () => void state.begun++,
    sessions: () => [...sessions],
    relays: () => [...relays],
    connections: () => state.connections,
    closeIdleConnections: () => void state.idleClosings++,
  };
  return { drain: new Drain(worker, () => void state.done++), state, add, addPoller, addRelay };
}
