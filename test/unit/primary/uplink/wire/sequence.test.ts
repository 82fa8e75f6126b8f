import { describe, expect, test } from "vitest";
import { SequenceCheck, SequenceCounter } from "../../../../../src/primary/uplink/wire/sequence.js";

const at = (sequence: number, fresh = false) => ({ sequence, fresh });

describe("counting", () => {
  test("each stream by itself, from 1, and says which number is the first", () => {
    const counter = new SequenceCounter();
    expect([counter.next("a"), counter.next("b"), counter.next("a")]).toEqual([at(1, true), at(1, true), at(2)]);
  });

  test("goes on above all numbers of streams that were forgotten", () => {
    const counter = new SequenceCounter(2);
    for (let i = 0; i < 5; i++) counter.next("a");
    for (const stream of ["b", "c"]) counter.next(stream);
    expect(counter.next("a")).toEqual(at(6, true));
  });

  test("forgets what was used least recently", () => {
    const counter = new SequenceCounter(2);
    for (const stream of ["a", "b", "a", "c"]) counter.next(stream);
    expect(counter.next("a")).toEqual(at(3));
    expect(counter.next("b").fresh).toBe(true);
  });
});

describe("checking", () => {
  test("tells how many are missing", () => {
    const check = new SequenceCheck();
    const missed = [4, 5, 8, 9].map((sequence) => check.missedBefore("s", "host", at(sequence)));
    expect(missed).toEqual([0, 0, 2, 0]);
  });

  test("expects nothing before the first that a sender counts", () => {
    const check = new SequenceCheck();
    check.missedBefore("s", "host", at(4));
    expect(check.missedBefore("s", "host", at(100, true))).toBe(0);
    expect(check.missedBefore("s", "host", at(102))).toBe(1);
  });

  test("knows what it has seen, of each sender on each stream", () => {
    const check = new SequenceCheck();
    check.missedBefore("s", "host", at(4));
    for (const sequence of [4, 3]) expect(check.missedBefore("s", "host", at(sequence))).toBeUndefined();
    expect(check.missedBefore("s", "other", at(3))).toBe(0);
    expect(check.missedBefore("t", "host", at(3))).toBe(0);
  });

  test("begins anew where it was told to forget or restart", () => {
    const check = new SequenceCheck();
    check.missedBefore("s", "host", at(4));
    check.forget("s");
    expect(check.missedBefore("s", "host", at(9))).toBe(0);
    check.restart("s", "host", 2);
    expect(check.missedBefore("s", "host", at(4))).toBe(1);
  });

  test("remembers a bounded number of senders: whole streams are forgotten, the oldest first", () => {
    const check = new SequenceCheck(3);
    for (const [stream, sender] of ["ax", "ay", "bx", "bz"])
      check.missedBefore(stream as string, sender as string, at(5));
    expect(check.missedBefore("b", "x", at(5))).toBeUndefined();
    expect(check.missedBefore("a", "x", at(5))).toBe(0);
  });
});
