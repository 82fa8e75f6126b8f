import { describe, expect, test } from "vitest";
import { check } from "../../history/checker.js";
import type { Entry, Operation } from "../../history/entry.js";

/** One client in a room, to which one worker sends; each bad history is this good one, spoilt. */
const connect = (client = "ada", recovered = false): Entry => ({
  type: "connect",
  client,
  pid: `of ${client}`,
  recovered,
});
const close = (client = "ada"): Entry => ({ type: "close", client, reason: "transport close" });
const quiet: Entry = { type: "quiet" };

function done(id: string, op: Operation, number: number, { client = "ada", sender = "w" } = {}): Entry[] {
  return [
    { type: "invoke", client, id, op },
    { type: "ok", id, sender, number },
  ];
}

function sent(
  id: string,
  number: number,
  more: { client?: string; sender?: string; room?: string; except?: string } = {},
): Entry[] {
  const { room = "r", except } = more;
  return done(id, { kind: "emit", target: { room, ...(except !== undefined && { except }) } }, number, more);
}

function unanswered(id: string): Entry {
  return { type: "invoke", client: "ada", id, op: { kind: "emit", target: { room: "r" } } };
}

function received(
  id: string,
  number: number,
  { client = "ada", sender = "w", cursor = `e~0.1~0~${number.toString(36)}`, connection = 1, intact = true } = {},
): Entry {
  return { type: "receive", client, connection, id, sender, number, cursor, intact };
}

const joined = done("j", { kind: "join", room: "r" }, 0);

function rules(history: readonly Entry[]): string[] {
  return [...new Set(check(history).violations.map(({ rule }) => rule))];
}

test("a history without a fault has no violation", () => {
  const history = [connect(), ...joined, ...sent("a", 1), received("a", 1), ...sent("b", 2), received("b", 2), quiet];
  expect(check(history)).toMatchObject({ violations: [], connects: 1, returns: 0, received: 2, emitted: 2 });
});

test("nor has one in which everything that can be uncertain is", () => {
  const history = [
    connect(),
    ...sent("before", 1),
    { type: "invoke", client: "ada", id: "j", op: { kind: "join", room: "r" } } as const,
    ...sent("during", 2),
    { type: "ok", id: "j", sender: "w", number: 3 } as const,
    unanswered("perhaps"),
    ...sent("a", 5),
    received("a", 5),
    { type: "invoke", client: "ada", id: "l", op: { kind: "leave", room: "r" } } as const,
    ...sent("leaving", 6),
    quiet,
  ];
  expect(check(history).violations).toEqual([]);
});

test("an event whose sending was never answered may be seen", () => {
  const history = [connect(), ...joined, unanswered("a"), received("a", 1), quiet];
  expect(check(history)).toMatchObject({ violations: [], seenThoughUnanswered: 1 });
});

describe("a history is bad in which", () => {
  test("an event is lost across a return", () => {
    const history = [
      connect(),
      ...joined,
      close(),
      ...sent("a", 1),
      connect("ada", true),
      ...sent("b", 2),
      received("b", 2, { connection: 2 }),
      quiet,
    ];
    expect(rules(history)).toEqual(["loss"]);
  });

  test("an event is lost before a later one of the same sender, though the client is gone in the end", () => {
    const history = [connect(), ...joined, ...sent("a", 1), ...sent("b", 2), received("b", 2), close()];
    expect(rules(history)).toEqual(["loss"]);
  });

  test("an event to everybody, or to oneself, is lost", () => {
    const all: Operation = { kind: "emit", target: {} };
    const self: Operation = { kind: "emit", target: { room: "self" } };
    expect(rules([connect(), ...done("a", all, 1), quiet])).toEqual(["loss"]);
    expect(rules([connect(), ...done("a", self, 1), quiet])).toEqual(["loss"]);
    expect(
      rules([
        connect(),
        connect("bob"),
        ...done("a", self, 1, { client: "bob" }),
        received("a", 1, { client: "bob" }),
        quiet,
      ]),
    ).toEqual([]);
  });

  test("an event is lost that was sent behind a join by the same worker", () => {
    const join: Operation = { kind: "joinOther", other: "ada", room: "r" };
    const of = (sender: string, number: number) => [
      connect(),
      connect("bob"),
      ...done("j", join, 5, { client: "bob", sender: "w" }),
      ...sent("a", number, { client: "bob", sender }),
      quiet,
    ];
    expect(rules(of("w", 6))).toEqual(["loss"]);
    expect(rules(of("w", 4))).toEqual([]);
    expect(rules(of("another", 6))).toEqual([]);
  });

  test("an event is lost that was for all but a room in which the client never was", () => {
    const history = (more: Entry[]) => [connect(), ...joined, ...more, ...sent("a", 1, { except: "x" }), quiet];
    expect(rules(history([]))).toEqual(["loss"]);
    expect(rules(history(done("jx", { kind: "join", room: "x" }, 0)))).toEqual([]);
  });

  test("an event comes twice, also across a return", () => {
    const history = [
      connect(),
      ...joined,
      ...sent("a", 1),
      received("a", 1),
      close(),
      connect("ada", true),
      received("a", 1, { connection: 2 }),
      quiet,
    ];
    expect(rules(history)).toEqual(["duplicate"]);
    const anew = [
      connect(),
      ...joined,
      ...sent("a", 1),
      received("a", 1),
      close(),
      { type: "fault", name: "killPrimary", excuses: true } as const,
    ];
    expect(rules([...anew, connect(), received("a", 1, { connection: 2 }), quiet])).toEqual([]);
  });

  test("a sender's events change places", () => {
    const history = [connect(), ...joined, ...sent("a", 1), ...sent("b", 2)];
    const swapped = [received("b", 2, { cursor: "e~0.1~0~1" }), received("a", 1, { cursor: "e~0.1~0~2" })];
    expect(rules([...history, ...swapped, quiet])).toEqual(["order"]);
  });

  test("a cursor goes back, or names two events", () => {
    const history = [connect(), ...joined, ...sent("a", 1), ...sent("b", 2, { sender: "v" })];
    const back = [received("a", 1, { cursor: "e~0.1~1~2" }), received("b", 2, { sender: "v", cursor: "e~0.1~1~1" })];
    expect(rules([...history, ...back, quiet])).toEqual(["cursor"]);
    const replayed = received("b", 2, { sender: "v", cursor: "e~0.1~0~0" });
    const behind = received("c", 3, { sender: "u", cursor: "e~0.1~1~1" });
    const more = [...history, ...sent("c", 3, { sender: "u" }), back[0] as Entry, replayed];
    expect(rules([...more, behind, quiet])).toEqual(["cursor"]);
    expect(rules([...more, received("c", 3, { sender: "u", cursor: "e~0.1~1~3" }), quiet])).toEqual([]);
    const twice = [connect(), ...joined, ...sent("a", 1), ...sent("b", 2)];
    const same = [received("a", 1, { cursor: "e~0.1~1~2" }), received("b", 2, { cursor: "e~0.1~1~2" })];
    expect(rules([...twice, ...same, quiet])).toEqual(["agree"]);
  });

  test("an event comes that was never sent, or is not as it was, or was for another", () => {
    expect(rules([connect(), received("a", 1), quiet])).toEqual(["integrity"]);
    expect(rules([connect(), ...joined, ...sent("a", 1), received("a", 1, { intact: false }), quiet])).toEqual([
      "integrity",
    ]);
    expect(rules([connect(), ...joined, ...sent("a", 1), received("a", 1, { sender: "v" }), quiet])).toEqual([
      "integrity",
    ]);
    const self: Operation = { kind: "emit", target: { room: "self" } };
    const others = [connect(), connect("bob"), ...done("a", self, 1, { client: "bob" })];
    expect(rules([...others, received("a", 1), received("a", 1, { client: "bob" }), quiet])).toEqual(["integrity"]);
  });

  test("something comes on a connection that has been taken over", () => {
    const history = [
      connect(),
      ...joined,
      ...sent("a", 1),
      close(),
      connect("ada", true),
      received("a", 1, { connection: 1 }),
      quiet,
    ];
    expect(rules(history)).toEqual(["fencing"]);
  });

  test("a session comes back without what was acknowledged of it", () => {
    const state = (rooms: string[], data = {}): Entry => ({ type: "state", client: "ada", rooms, data });
    const set = done("s", { kind: "set", key: "k", value: 7 }, 0);
    const before = [connect(), state([]), ...joined, ...set, close(), connect("ada", true)];
    expect(rules([...before, state(["r"], { k: 7 }), quiet])).toEqual([]);
    expect(rules([...before, state([], { k: 7 }), quiet])).toEqual(["state"]);
    expect(rules([...before, state(["r"], { k: 6 }), quiet])).toEqual(["state"]);
    expect(rules([...before, state(["r"]), quiet])).toEqual(["state"]);
  });

  test("a client comes back as somebody new without a fault that excuses it, or never", () => {
    const fault = (excuses: boolean): Entry => ({ type: "fault", name: "fault", excuses });
    expect(rules([connect(), close(), fault(false), connect(), quiet])).toEqual(["recovered"]);
    expect(rules([connect(), close(), fault(true), connect(), quiet])).toEqual([]);
    expect(rules([connect(), close(), quiet])).toEqual(["liveness"]);
  });
});
