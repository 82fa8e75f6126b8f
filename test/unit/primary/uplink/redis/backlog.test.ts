import fc from "fast-check";
import { expect, test } from "vitest";
import { Backlog, bytesOf } from "../../../../../src/primary/uplink/redis/backlog.js";

function filled(count: number, limits = { maxBytes: 1_000_000, maxAgeMs: 1_000 }): Backlog {
  const backlog = new Backlog(limits);
  for (let n = 0; n < count; n++) backlog.add({ channel: `c${n % 3}`, message: `${n}`, sinceMs: n });
  return backlog;
}

function taken(backlog: Backlog, nowMs = 0, wanted: (channel: string) => boolean = () => true): number[] {
  const out: number[] = [];
  backlog.offer(nowMs, ({ channel, message }) => wanted(channel) && out.push(Number(message)) > 0);
  return out;
}

test("all is given in order, and once", () => {
  const backlog = filled(10);
  expect(taken(backlog)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(taken(backlog)).toEqual([]);
  expect(backlog.bytes).toBe(0);
});

test("what is not wanted stays, in order", () => {
  const backlog = filled(9);
  expect(taken(backlog, 0, (channel) => channel === "c1")).toEqual([1, 4, 7]);
  expect(taken(backlog)).toEqual([0, 2, 3, 5, 6, 8]);
});

test("what is too old is dropped and counted, when it expires and when it is offered", () => {
  const backlog = filled(10, { maxBytes: 1_000_000, maxAgeMs: 5 });
  backlog.expire(8);
  expect(backlog.droppedOld).toBe(3);
  expect(taken(backlog, 10)).toEqual([5, 6, 7, 8, 9]);
  expect(backlog.droppedOld).toBe(5);
});

test("a message larger than all that may wait is dropped alone", () => {
  const backlog = filled(3, { maxBytes: 1_000, maxAgeMs: 1_000 });
  expect(backlog.add({ channel: "c", message: Buffer.alloc(1_000), sinceMs: 0 })).toBe(false);
  expect(backlog.droppedFull).toBe(1);
  expect(taken(backlog)).toEqual([0, 1, 2]);
});

test("whatever is added, it stays within its bytes, and each message is kept, given or counted", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const backlog = new Backlog({ maxBytes: 1_000, maxAgeMs: 1_000 });
      let given = 0;
      for (const [n, length] of lengths.entries()) {
        backlog.add({ channel: "c", message: "x".repeat(length), sinceMs: n });
        expect(backlog.bytes).toBeLessThanOrEqual(1_000);
        if (n % 17 === 0) backlog.offer(n, () => ++given > 0);
      }
      expect(given + backlog.length + backlog.droppedFull).toBe(lengths.length);
      let bytes = 0;
      backlog.offer(0, (item) => {
        bytes += bytesOf(item);
        return false;
      });
      expect(backlog.bytes).toBe(bytes);
    }),
  );
});
