import { expect, test } from "vitest";
import { DeadlineQueue } from "../../../../src/primary/acceptor/deadline-queue.js";

test("what has waited its time comes out, oldest first, once", () => {
  const queue = new DeadlineQueue<string>(100);
  queue.add("a", 0);
  queue.add("b", 10);
  queue.add("c", 50);
  expect(queue.expire(99)).toEqual([]);
  expect(queue.expire(110)).toEqual(["a", "b"]);
  expect(queue.expire(110)).toEqual([]);
  expect(queue.size).toBe(1);
});

test("what was taken out does not expire", () => {
  const queue = new DeadlineQueue<string>(100);
  queue.add("a", 0);
  expect(queue.delete("a")).toBe(true);
  expect(queue.delete("a")).toBe(false);
  expect(queue.expire(1_000)).toEqual([]);
});

test("what is added again waits anew", () => {
  const queue = new DeadlineQueue<string>(100);
  queue.add("a", 0);
  queue.add("b", 0);
  queue.add("a", 60);
  expect(queue.expire(100)).toEqual(["b"]);
  expect(queue.expire(160)).toEqual(["a"]);
});
