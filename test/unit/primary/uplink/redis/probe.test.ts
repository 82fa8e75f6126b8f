import { expect, test } from "vitest";
import { Probe, type Sight, type Verdict } from "../../../../../src/primary/uplink/redis/probe.js";

const START: Sight = { onTheWay: 0, confirmed: 0, heard: 0 };

function ticks(probe: Probe, sights: readonly Sight[]): Verdict[] {
  return sights.map((sight) => probe.judge(sight));
}

test("one probe is out at a time, and only its own text brings it back", () => {
  const probe = new Probe();
  expect(probe.next(START)).toBe("1");
  expect(probe.next(START)).toBeUndefined();
  expect(probe.hear("0")).toBe(false);
  expect(probe.hear("1")).toBe(true);
  expect(probe.hear("1")).toBe(false);
  expect(probe.next(START)).toBe("2");
});

test("nobody confirms anything, and others are heard: the publisher is dead", () => {
  const probe = new Probe();
  probe.next(START);
  const sights = [1, 2, 3].map((heard) => ({ onTheWay: 1, confirmed: 0, heard }));
  expect(ticks(probe, sights)).toEqual(["well", "well", "publisher-dead"]);
});

test("nothing is confirmed and nothing heard: both are dead", () => {
  const probe = new Probe();
  probe.next(START);
  const sights = [1, 2, 3].map(() => ({ onTheWay: 1, confirmed: 0, heard: 0 }));
  expect(ticks(probe, sights)).toEqual(["well", "well", "both-dead"]);
});

test("what was confirmed is not heard, and nothing else is: the subscriber is dead", () => {
  const probe = new Probe();
  probe.next(START);
  const sights = [1, 2, 3].map((n) => ({ onTheWay: 0, confirmed: n, heard: 0 }));
  expect(ticks(probe, sights)).toEqual(["well", "well", "subscriber-dead"]);
});

test("a slow pair that makes progress is left alone", () => {
  const probe = new Probe();
  probe.next({ ...START, onTheWay: 1_000 });
  const queued = Array.from({ length: 20 }, (_, n) => ({ onTheWay: 1_000, confirmed: n + 1, heard: 0 }));
  expect(ticks(probe, queued)).not.toContain("publisher-dead");
  const behind = Array.from({ length: 20 }, (_, n) => ({ onTheWay: 0, confirmed: 2_000, heard: n + 1 }));
  expect(new Set(ticks(probe, behind))).toEqual(new Set(["well"]));
});

test("a probe that is lost while both work tells that they are on different servers", () => {
  const probe = new Probe();
  probe.next(START);
  const verdicts = ticks(
    probe,
    Array.from({ length: 30 }, (_, n) => ({ onTheWay: 0, confirmed: n + 1, heard: n + 1 })),
  );
  expect(verdicts.slice(0, -1).every((verdict) => verdict === "well")).toBe(true);
  expect(verdicts.at(-1)).toBe("both-dead");
});

test("a probe that comes back, and new connections, start the count anew", () => {
  const probe = new Probe();
  const silent = { onTheWay: 0, confirmed: 1, heard: 0 };
  probe.next(START);
  ticks(probe, [silent, silent]);
  probe.hear("1");
  probe.next(silent);
  expect(
    ticks(probe, [
      { ...silent, confirmed: 2 },
      { ...silent, confirmed: 2 },
    ]),
  ).toEqual(["well", "well"]);
  probe.reset();
  expect(probe.next(silent)).toBeDefined();
  expect(ticks(probe, [{ ...silent, confirmed: 3 }])).toEqual(["well"]);
});
