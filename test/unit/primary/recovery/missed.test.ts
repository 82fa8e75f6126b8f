import { describe, expect, test } from "vitest";
import { type Entry, EventLog } from "../../../../src/primary/recovery/event-log.js";
import { MAX_REPLAY_BYTES, type Missed, missedBy } from "../../../../src/primary/recovery/missed.js";
import { positionOf, type Session } from "../../../../src/primary/recovery/session.js";
import { formatCursor, type Position } from "../../../../src/protocol/cursor.js";
import type { RoomName } from "../../../../src/protocol/frame.js";
import { Change } from "../../../../src/protocol/recovery-frame.js";

const START: Position = { worker: "a", own: 0, shared: 0 };

/** A log to which workers write by name, and a session of worker "a" in the room "r" since the start. */
class Situation {
  readonly log = new EventLog();
  readonly session = {
    id: "me",
    namespace: "/",
    parent: "",
    since: START,
    rooms: new Map<RoomName, Position>([
      ["me", START],
      ["r", START],
    ]),
  };
  readonly #own = new Map<string, number>();
  readonly #excepts = new Map<Buffer, RoomName[]>();

  event(worker: string, rooms: RoomName[], except: RoomName[] = [], bytes = 8): this {
    const frame = Buffer.alloc(bytes);
    this.#excepts.set(frame, except);
    return this.#append(worker, rooms, { kind: "event", frame });
  }

  change(worker: string, change: Change, rooms: RoomName[], into: RoomName[] = [], except: RoomName[] = []): this {
    return this.#append(worker, rooms, { kind: "change", change, except, into });
  }

  lost(worker: string, rooms: RoomName[]): this {
    return this.#append(worker, rooms, { kind: "lost" });
  }

  missed(position: Position = START, state: Position = START) {
    return missedBy(this.session, position, state, this.log, (frame) => this.#excepts.get(frame) ?? []);
  }

  numbers(position?: Position, state?: Position): number[] | string {
    const missed = this.missed(position, state);
    return typeof missed === "string" ? missed : missed.events.map(({ shared }) => shared);
  }

  #append(worker: string, rooms: RoomName[], what: Entry["what"]): this {
    const own = (this.#own.get(worker) ?? 0) + 1;
    this.#own.set(worker, own);
    this.log.append({ worker, own, namespace: "/", rooms, what }, 0);
    return this;
  }
}

describe("a session has missed", () => {
  test("what was addressed to everybody or to its rooms, and not to others or to all but its rooms", () => {
    const situation = new Situation().event("b", []).event("b", ["r"]).event("b", ["s"]).event("b", ["s", "me"]);
    expect(situation.event("b", [], ["r"]).event("b", ["r"], ["me"]).event("b", ["r"], ["s"]).numbers()).toEqual([
      1, 2, 4, 7,
    ]);
  });

  test("of its own worker what is past that one's count, of others what is past the sequence", () => {
    const situation = new Situation().event("b", ["r"]).event("a", ["r"]).event("b", ["r"]).event("a", ["r"]);
    expect(situation.numbers({ worker: "a", own: 1, shared: 0 })).toEqual([1, 3, 4]);
    expect(situation.numbers({ worker: "a", own: 0, shared: 1 })).toEqual([2, 3, 4]);
    expect(situation.numbers({ worker: "a", own: 2, shared: 3 })).toEqual([]);
  });

  test("what goes on from there: each replayed event carries a position that is reached with it", () => {
    const situation = new Situation().event("b", ["r"]).event("a", ["r"]).event("b", ["r"]);
    const missed = situation.missed();
    expect(typeof missed !== "string" && missed.events.map(({ own, shared }) => [own, shared])).toEqual([
      [0, 1],
      [1, 2],
      [1, 3],
    ]);
    for (const [i, rest] of [
      [0, [2, 3]],
      [1, [3]],
      [2, []],
    ] as const) {
      const { own, shared } = (missed as Missed).events[i] as Missed["events"][number];
      expect(situation.numbers({ worker: "a", own, shared })).toEqual(rest);
    }
  });

  test("nothing from before it was in a room", () => {
    const situation = new Situation().event("a", ["s"]).event("b", ["s"]).event("a", ["s"]).event("b", ["s"]);
    situation.session.rooms.set("s", { worker: "a", own: 1, shared: 2 });
    expect(situation.numbers()).toEqual([3, 4]);
    // Nor is it kept out by a room in which it was not yet.
    const kept = new Situation().event("b", ["r"], ["s"]);
    kept.session.rooms.set("s", { worker: "a", own: 0, shared: 1 });
    expect(kept.numbers()).toEqual([1]);
  });

  test("what was for rooms as the server changed them meanwhile", () => {
    const situation = new Situation()
      .event("b", ["x"])
      .change("b", Change.join, ["r"], ["x"])
      .event("b", ["x"])
      .change("c", Change.join, ["x"], ["y"])
      .event("b", ["y"])
      .change("b", Change.leave, ["r"], ["x"])
      .event("b", ["x"]);
    expect(situation.numbers()).toEqual([3, 5]);
    const missed = situation.missed();
    expect(typeof missed !== "string" && [...missed.rooms.keys()].sort()).toEqual(["me", "r", "y"]);
  });

  test("changes that its worker had carried out already change nothing again", () => {
    const situation = new Situation().change("b", Change.leave, [], ["r"]).event("b", ["r"]);
    expect(situation.numbers(START, { worker: "a", own: 0, shared: 1 })).toEqual([2]);
    expect(situation.numbers()).toEqual([]);
  });
});

describe("a session is not given back", () => {
  test("when it was disconnected on purpose, and only then", () => {
    expect(new Situation().change("b", Change.disconnect, ["r"]).numbers()).toBe("ended");
    expect(new Situation().change("b", Change.disconnect, ["s"]).numbers()).toEqual([]);
    expect(new Situation().change("b", Change.disconnect, ["r"], [], ["me"]).numbers()).toEqual([]);
  });

  test("when something it needs was lost or is gone", () => {
    expect(new Situation().lost("b", ["r"]).numbers()).toBe("lost");
    expect(new Situation().lost("b", ["s"]).numbers()).toEqual([]);
    const gone = new Situation().event("b", ["r"]).event("b", ["r"]);
    gone.log.dropOldest();
    expect(gone.numbers()).toBe("gone");
    expect(gone.numbers({ worker: "a", own: 0, shared: 1 })).toEqual([2]);
    const everybody = new Situation().event("b", []);
    everybody.log.dropOldest();
    expect(everybody.numbers()).toBe("gone");
    const change = new Situation().change("b", Change.join, ["s"], ["t"]);
    change.log.dropOldest();
    expect(change.numbers()).toBe("gone");
  });

  test("when it is more than one client is sent", () => {
    const half = MAX_REPLAY_BYTES / 2;
    expect(
      new Situation()
        .event("b", ["r"], [], half)
        .event("b", ["r"], [], half + 1)
        .numbers(),
    ).toBe("too-much");
    expect(
      new Situation()
        .event("b", ["r"], [], half)
        .event("b", ["s"], [], half + 1)
        .numbers(),
    ).toEqual([1]);
  });
});

describe("how far a client has got", () => {
  const progress = { epoch: "e", shared: 100, ownOf: () => 50 };
  const at = (worker: string, own: number, shared: number) => ({ worker, own, shared });
  const session = (more: Partial<Session> = {}) =>
    ({ base: at("0.1", 5, 20), start: at("1.1", 7, 30), confirmed: undefined, offsetBefore: "", ...more }) as Session;
  const told = (position: Position, epoch = "e") => formatCursor(epoch, position);

  test("is known without its word", () => {
    expect(positionOf(session(), undefined, progress)).toEqual(at("0.1", 5, 20));
    expect(positionOf(session({ confirmed: at("1.1", 8, 31) }), undefined, progress)).toEqual(at("1.1", 8, 31));
  });

  test("is what it says while that is of its session", () => {
    expect(positionOf(session(), told(at("1.1", 9, 40)), progress)).toEqual(at("1.1", 9, 40));
    expect(positionOf(session(), told(at("0.1", 6, 25)), progress)).toEqual(at("0.1", 6, 25));
    expect(positionOf(session({ confirmed: at("1.1", 10, 35) }), told(at("1.1", 9, 34)), progress)).toEqual(
      at("1.1", 10, 35),
    );
  });

  test("is not what it kept from an earlier session", () => {
    expect(positionOf(session(), told(at("1.1", 6, 29)), progress)).toEqual(at("0.1", 5, 20));
    expect(positionOf(session(), told(at("2.1", 40, 90)), progress)).toEqual(at("0.1", 5, 20));
    expect(positionOf(session(), told(at("0.1", 3, 10)), progress)).toEqual(at("0.1", 5, 20));
    const offsetBefore = told(at("1.1", 9, 40), "other");
    expect(positionOf(session({ offsetBefore }), offsetBefore, progress)).toEqual(at("0.1", 5, 20));
    expect(positionOf(session({ confirmed: at("1.1", 8, 31) }), told(at("0.1", 6, 25)), progress)).toEqual(
      at("1.1", 8, 31),
    );
  });

  test("is not known here when it has had another host's events since it came", () => {
    expect(positionOf(session(), told(at("1.1", 9, 40), "other"), progress)).toBe("taken");
    const offsetBefore = told(at("1.1", 9, 40), "other");
    expect(positionOf(session({ offsetBefore }), told(at("1.1", 9, 41), "other"), progress)).toBe("taken");
  });

  test("is not believed when nobody can have got there, or when it is not a cursor", () => {
    expect(positionOf(session(), told(at("1.1", 51, 40)), progress)).toBe("cursor");
    expect(positionOf(session(), told(at("1.1", 9, 101)), progress)).toBe("cursor");
    for (const text of ["", "garbage"]) expect(positionOf(session(), text, progress)).toBe("cursor");
  });
});
