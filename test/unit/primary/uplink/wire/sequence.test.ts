import { describe, expect, test } from "vitest";
import { SequenceCheck, SequenceCounter } from "../../../../../src/primary/uplink/wire/sequence.js";

const at = (sequence: number, fresh = false) => ({ sequence, number: 0, fresh, after: 0 });
const place = (sequence: number, fresh = false, after: number | undefined = 0) => ({ sequence, fresh, after });

describe("counting", () => {
  test("each stream by itself, from 1, and says which number is the first", () => {
    const counter = new SequenceCounter();
    expect([counter.next("a", 0), counter.next("b", 0), counter.next("a", 0)]).toEqual([
      place(1, true),
      place(1, true),
      place(2),
    ]);
  });

  test("says by which number the last was kept that is kept, where it can", () => {
    const counter = new SequenceCounter();
    const afters = [7, 0, 9, undefined, 0, 11, 0].map((number) => counter.next("a", number).after);
    expect(afters).toEqual([0, 7, 7, 9, undefined, undefined, 11]);
    counter.setFlowing(false);
    expect([12, 13].map((number) => counter.next("a", number).after)).toEqual([undefined, undefined]);
    counter.setFlowing(true);
    expect([14, 15].map((number) => counter.next("a", number).after)).toEqual([undefined, 14]);
  });

  test("goes on above all numbers of streams that were forgotten", () => {
    const counter = new SequenceCounter(2);
    for (let i = 0; i < 5; i++) counter.next("a", 0);
    for (const stream of ["b", "c"]) counter.next(stream, 0);
    expect(counter.next("a", 0)).toEqual({ sequence: 6, fresh: true, after: undefined });
  });

  test("forgets what was used least recently", () => {
    const counter = new SequenceCounter(2);
    for (const stream of ["a", "b", "a", "c"]) counter.next(stream, 0);
    expect(counter.next("a", 0)).toEqual(place(3));
    expect(counter.next("b", 0).fresh).toBe(true);
  });
});

describe("checking", () => {
  test("tells how many are missing", () => {
    const check = new SequenceCheck();
    const missed = [4, 5, 8, 9].map((sequence) => check.gapBefore("s", "host", at(sequence))?.missed);
    expect(missed).toEqual([0, 0, 2, 0]);
  });

  test("tells up to which number what is missing may be kept", () => {
    const check = new SequenceCheck();
    const kept = (sequence: number, number: number, after: number | undefined) => ({
      sequence,
      number,
      after,
      fresh: false,
    });
    const gaps = [kept(1, 5, 0), kept(3, 9, 8), kept(5, 0, 9), kept(7, 12, undefined)].map((each) =>
      check.gapBefore("s", "host", each),
    );
    const unknown = Number.POSITIVE_INFINITY;
    expect(gaps.slice(1)).toEqual([8, 0, unknown].map((upTo) => ({ missed: 1, upTo })));
  });

  test("expects nothing before the first that a sender counts", () => {
    const check = new SequenceCheck();
    check.gapBefore("s", "host", at(4));
    expect(check.gapBefore("s", "host", at(100, true))?.missed).toBe(0);
    expect(check.gapBefore("s", "host", at(102))?.missed).toBe(1);
  });

  test("knows what it has seen, of each sender on each stream", () => {
    const check = new SequenceCheck();
    check.gapBefore("s", "host", at(4));
    for (const sequence of [4, 3]) expect(check.gapBefore("s", "host", at(sequence))).toBeUndefined();
    expect(check.gapBefore("s", "other", at(3))?.missed).toBe(0);
    expect(check.gapBefore("t", "host", at(3))?.missed).toBe(0);
  });

  test("begins anew where it was told to forget or restart", () => {
    const check = new SequenceCheck();
    check.gapBefore("s", "host", at(4));
    check.forget("s");
    expect(check.gapBefore("s", "host", at(9))?.missed).toBe(0);
    check.restart("s", "host", at(2));
    expect(check.gapBefore("s", "host", at(4))?.missed).toBe(1);
  });

  test("remembers a bounded number of senders: whole streams are forgotten, the oldest first", () => {
    const check = new SequenceCheck(3);
    for (const [stream, sender] of ["ax", "ay", "bx", "bz"]) check.gapBefore(stream as string, sender as string, at(5));
    expect(check.gapBefore("b", "x", at(5))).toBeUndefined();
    expect(check.gapBefore("a", "x", at(5))?.missed).toBe(0);
  });
});
