import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Entry, EventLog } from "../../../../src/primary/recovery/event-log.js";
import { Gone } from "../../../../src/primary/recovery/gone.js";
import { Lane } from "../../../../src/primary/recovery/lane.js";
import { Change } from "../../../../src/protocol/recovery-frame.js";

const own = new Map<string, number>();

function event(rooms: string[], { worker = "a", namespace = "/", bytes = 10 } = {}): Omit<Entry, "shared"> {
  own.set(worker, (own.get(worker) ?? 0) + 1);
  const what = { kind: "event", frame: Buffer.alloc(bytes) } as const;
  return { worker, own: own.get(worker) as number, namespace, rooms, what };
}

function numbers(entries: readonly Entry[]): number[] {
  return entries.map(({ shared }) => shared);
}

const START = { worker: "z", own: 0, shared: 0 };

describe("the log", () => {
  test("numbers from 1 and gives what was addressed to a room or to everybody, once and in order", () => {
    const log = new EventLog();
    log.append(event(["r"]), 0);
    log.append(event([]), 0);
    log.append(event(["r", "s"]), 0);
    log.append(event(["t"]), 0);
    log.append(event(["r"], { namespace: "/other" }), 0);
    expect(log.last).toBe(5);
    expect(numbers(log.since(0, "/", ["r", "s"]))).toEqual([1, 2, 3]);
    expect(numbers(log.since(2, "/", ["s", "r"]))).toEqual([3]);
    expect(numbers(log.since(0, "/", []))).toEqual([2]);
    expect(numbers(log.since(0, "/nobody", ["r"]))).toEqual([]);
  });

  test("tells a room that is a number from one that is a text", () => {
    const log = new EventLog();
    log.append({ ...event([]), rooms: [1] }, 0);
    expect(numbers(log.since(0, "/", ["1"]))).toEqual([]);
    expect(numbers(log.since(0, "/", [1]))).toEqual([1]);
  });

  test("keeps changes apart", () => {
    const log = new EventLog();
    const what = { kind: "change", change: Change.join, except: [], into: ["x"] } as const;
    log.append({ ...event(["r"]), what }, 0);
    log.append(event(["r"]), 0);
    expect(numbers(log.since(0, "/", ["r", "x"]))).toEqual([2]);
    expect(numbers(log.changesSince(0, "/"))).toEqual([1]);
    log.dropOldest();
    expect(log.changesSince(0, "/")).toEqual([]);
    expect(log.isChangeGone("/", START)).toBe(true);
    expect(log.isGone("/", "r", START)).toBe(false);
  });

  test("drops by age and by bytes, and knows for which rooms something is gone", () => {
    const log = new EventLog();
    log.append(event(["r"]), 1_000);
    log.append(event(["s"]), 2_000);
    const bytes = log.bytes;
    log.dropOlderThan(1_500);
    expect(log.entries).toBe(1);
    expect(log.bytes).toBeLessThan(bytes);
    expect(log.isGone("/", "r", START)).toBe(true);
    expect(log.isGone("/", "s", START)).toBe(false);
    expect(log.isGone("/", undefined, START)).toBe(false);
    expect(log.isGone("/", "r", { worker: "z", own: 0, shared: 1 })).toBe(false);
    expect(log.isGone("/", "r", START, { worker: "z", own: 0, shared: 1 })).toBe(false);
    expect(log.dropOldest()).toBe(true);
    expect(log.dropOldest()).toBe(false);
    expect(log.bytes).toBe(0);
  });

  test("what is gone of a worker is not missing to who has had it from that worker", () => {
    const log = new EventLog();
    const first = event(["r"], { worker: "a" });
    log.append(first, 0);
    log.dropOldest();
    expect(log.isGone("/", "r", { worker: "a", own: first.own, shared: 0 })).toBe(false);
    expect(log.isGone("/", "r", { worker: "a", own: first.own - 1, shared: 0 })).toBe(true);
  });

  test("forgets rooms that nobody speaks in, to the disadvantage of who is far behind", () => {
    const log = new EventLog();
    for (let i = 0; i < 33_000; i++) log.append(event([`room ${i}`]), 0);
    while (log.dropOldest());
    expect(log.isGone("/", "never heard of", START)).toBe(true);
    expect(log.isGone("/", "never heard of", { worker: "z", own: 0, shared: 400 })).toBe(false);
    expect(log.isGone("/", "room 32999", { worker: "z", own: 0, shared: 400 })).toBe(true);
    expect(log.isGone("/", "room 32999", { worker: "z", own: 0, shared: 33_000 })).toBe(false);
  });

  test("after a break nothing from before is there for anybody", () => {
    const log = new EventLog();
    log.append(event(["r"]), 0);
    log.breakOff();
    expect(log.isGone("/", "r", { worker: "z", own: 0, shared: 1 })).toBe(true);
    expect(log.isGone("/", undefined, { worker: "z", own: 0, shared: log.last })).toBe(false);
  });
});

test("what has gone is remembered of so many workers, and beyond that of nobody in particular", () => {
  const gone = new Gone(0);
  for (let i = 1; i <= 40; i++) gone.add({ worker: `w${i}`, own: 1, shared: i });
  expect(gone.shared).toBe(40);
  expect(gone.isAnyPast({ worker: "w40", own: 1, shared: 39 })).toBe(false);
  expect(gone.isAnyPast({ worker: "w1", own: 1, shared: 0 })).toBe(true);
});

test("a lane is a queue that can be entered anywhere", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean()), fc.nat(300), (steps, from) => {
      const lane = new Lane<number>();
      const model: number[] = [];
      let next = 0;
      for (const isPush of [
        ...Array.from({ length: 300 }, () => true),
        ...steps.flatMap((one) => Array(40).fill(one)),
      ]) {
        if (isPush) {
          lane.push(next);
          model.push(next++);
        } else expect(lane.shift()).toBe(model.shift());
      }
      expect(lane.length).toBe(model.length);
      expect(lane.first).toBe(model[0]);
      expect([...lane.from((one) => one >= from)]).toEqual(model.filter((one) => one >= from));
    }),
    { numRuns: 30 },
  );
});
