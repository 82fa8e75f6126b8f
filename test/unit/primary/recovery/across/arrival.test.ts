/** What a session of another host is given: all that it has missed, once, or nothing at all. */
import { describe, expect, test } from "vitest";
import { arrive } from "../../../../../src/primary/recovery/across/arrival.js";
import type { SessionRecord } from "../../../../../src/primary/recovery/across/record.js";
import { type Entry, EventLog, type Origin } from "../../../../../src/primary/recovery/event-log.js";
import { formatCursor, type Position } from "../../../../../src/protocol/cursor.js";
import { FrameBatch, FrameKind, FrameReader, type RoomName } from "../../../../../src/protocol/frame.js";
import { Change } from "../../../../../src/protocol/recovery-frame.js";

const EPOCH = "dead";
const START: Position = { worker: "0.1", own: 0, shared: 0 };

interface Said {
  readonly by?: string;
  readonly from?: Origin;
  readonly rooms?: readonly RoomName[];
  readonly except?: readonly RoomName[];
  readonly change?: Change;
  readonly had?: readonly string[];
}

/** Their names are their payloads. */
function logOf(entries: readonly (readonly [string, Said?])[], first = 1): EventLog {
  const log = new EventLog(first - 1);
  const own = new Map<string, number>();
  for (const [name, { by = "", from, rooms = ["r"], except = [], change, had } = {}] of entries) {
    own.set(by, by === "" ? log.last + 1 : (own.get(by) ?? 0) + 1);
    const what: Entry["what"] =
      change === undefined
        ? { kind: "event", frame: frameOf(name, rooms, except) }
        : { kind: "change", change, except, into: [name] };
    log.append({ worker: by, own: own.get(by) as number, namespace: "/", rooms, origin: from, had, what }, 0);
  }
  return log;
}

function frameOf(name: string, rooms: readonly RoomName[], except: readonly RoomName[]): Buffer {
  const frame = new FrameBatch().begin(FrameKind.broadcast).number(0).address({ namespace: "/", rooms, except });
  frame.byte(0).byte(0).bytes(Buffer.from(name)).end();
  return Buffer.concat(frame.take());
}

function nameOf(frame: Buffer): string {
  const read = new FrameReader(frame);
  read.number();
  read.address();
  read.byte();
  read.byte();
  return read.rest().toString();
}

interface Situation {
  readonly theirs: EventLog;
  readonly ours?: EventLog;
  readonly heard?: Record<string, number>;
  readonly offset?: Position;
  readonly vector?: Record<string, number>;
  readonly ahead?: Record<string, number>;
  readonly at?: number;
  readonly worker?: { own: number; changed: number };
  readonly record?: Partial<SessionRecord>;
}

function arrival({
  theirs,
  ours = new EventLog(),
  heard = {},
  offset,
  vector = {},
  ahead = {},
  at,
  worker,
  record,
}: Situation) {
  const base: SessionRecord = {
    ...{ epoch: EPOCH, worker: "0.1", id: "me", namespace: "/", parent: "", data: Buffer.alloc(0) },
    rooms: new Map<RoomName, Position>([
      ["me", START],
      ["r", START],
    ]),
    ...{
      since: START,
      base: START,
      start: START,
      confirmed: undefined,
      offsetBefore: "",
      state: undefined,
      release: undefined,
      ahead: new Map(),
    },
    ...record,
  };
  const arrived = arrive({
    bound: {
      owner: "dead",
      at: at ?? theirs.last,
      vector: new Map(Object.entries(vector)),
      ahead: new Map(Object.entries(ahead)),
    },
    record: base,
    offset: offset && formatCursor(EPOCH, offset),
    log: theirs,
    workers: new Map([["0.1", worker ?? { own: 9, changed: 0 }]]),
    others: [],
    own: { uid: "us", log: ours, heard: new Map(Object.entries(heard)) },
  });
  if (typeof arrived === "string") return arrived;
  return { rooms: [...arrived.rooms].sort(), events: arrived.events.map(({ frame }) => nameOf(frame)) };
}

const OWN = { by: "0.1" };
const OTHER = { by: "1.1" };

describe("it gets", () => {
  test("what its host had for it past its cursor, and then what came since", () => {
    const theirs = logOf([
      ["a", OWN],
      ["b", OTHER],
      ["c", OWN],
      ["d", { ...OTHER, rooms: ["x"] }],
    ]);
    const ours = logOf([
      ["b", { from: { host: "dead", number: 2 } }],
      ["e", OWN],
      ["f", { ...OWN, rooms: ["x"] }],
    ]);
    const offset = { worker: "0.1", own: 1, shared: 0 };
    expect(arrival({ theirs, ours, heard: { dead: 2 }, offset })).toMatchObject({ events: ["b", "c", "e"] });
  });

  test("nothing twice that its host had heard of us", () => {
    const theirs = logOf([["e", { from: { host: "us", number: 1 } }]]);
    const ours = logOf([
      ["e", OWN],
      ["f", OWN],
    ]);
    expect(arrival({ theirs, ours, vector: { us: 1 } })).toMatchObject({ events: ["e", "f"] });
  });

  test("what its host has sent since it let go, from here", () => {
    const theirs = logOf([
      ["a", OWN],
      ["b", OWN],
    ]);
    const ours = logOf([["b", { from: { host: "dead", number: 2 } }]]);
    expect(arrival({ theirs, ours, at: 1, heard: { dead: 2 } })).toMatchObject({ events: ["a", "b"] });
  });

  test("what it was given here before, when it was not let in, and nothing that it was given at its host", () => {
    const theirs = logOf([
      ["a", { from: { host: "us", number: 1 }, had: ["me"] }],
      ["b", { from: { host: "us", number: 2 }, had: ["somebody"] }],
    ]);
    const ours = logOf([["c", { from: { host: "dead", number: 3 }, had: ["me"] }]]);
    expect(arrival({ theirs, ours, heard: { dead: 3 }, vector: { us: 2 } })).toMatchObject({ events: ["b", "c"] });
  });

  test("its rooms as both have changed them, in order", () => {
    const theirs = logOf([
      ["s", { ...OTHER, change: Change.join }],
      ["a", { ...OTHER, rooms: ["s"] }],
    ]);
    const ours = logOf([
      ["r", { ...OWN, change: Change.leave, rooms: ["s"] }],
      ["b", OWN],
      ["c", { ...OWN, rooms: ["s"] }],
    ]);
    expect(arrival({ theirs, ours })).toEqual({ rooms: ["me", "s"], events: ["a", "c"] });
  });

  test("no change again that its worker had told of", () => {
    const theirs = logOf([["r", { ...OTHER, change: Change.leave }]]);
    expect(arrival({ theirs, worker: { own: 0, changed: 1 } })).toMatchObject({ rooms: ["me", "r"] });
    expect(arrival({ theirs })).toMatchObject({ rooms: ["me"] });
  });
});

describe("it is refused", () => {
  test("where its cursor is past what its host had told Redis", () => {
    const theirs = logOf([["a", OWN]]);
    expect(arrival({ theirs, worker: { own: 1, changed: 0 }, offset: { worker: "0.1", own: 2, shared: 0 } })).toBe(
      "cursor",
    );
    expect(arrival({ theirs, offset: { worker: "0.1", own: 1, shared: 2 } })).toBe("cursor");
  });

  test("where what it needs is not there any more", () => {
    expect(arrival({ theirs: logOf([["c", OTHER]], 3) })).toBe("gone");
    expect(arrival({ theirs: logOf([]), record: { worker: "unknown" } })).toBe("gone");
  });

  test("where a plain server has sent it something since, and not where that was for others", () => {
    const theirs = logOf([["a", OWN]]);
    expect(arrival({ theirs, ours: logOf([["b"]]) })).toBe("outside");
    expect(arrival({ theirs, ours: logOf([["b", { rooms: ["x"] }]]) })).toMatchObject({ events: ["a"] });
    expect(arrival({ theirs, ours: logOf([["b", { except: ["r"] }]]) })).toMatchObject({ events: ["a"] });
  });

  test("where it was disconnected on purpose", () => {
    const theirs = logOf([["", { ...OTHER, change: Change.disconnect }]]);
    expect(arrival({ theirs })).toBe("ended");
    expect(arrival({ theirs: logOf([]), ours: logOf([["", { ...OWN, change: Change.disconnect }]]) })).toBe("ended");
  });

  test("where it was cut off in the midst of what it had missed", () => {
    const start = { worker: "0.1", own: 4, shared: 1 };
    const record = { base: undefined, start };
    const theirs = logOf([["a", OWN]]);
    expect(arrival({ theirs, record, offset: { worker: "0.1", own: 0, shared: 0 } })).toBe("broken-off");
    expect(arrival({ theirs, record })).toBe("broken-off");
    expect(arrival({ theirs, record, offset: start })).toMatchObject({ events: [] });
  });
});
