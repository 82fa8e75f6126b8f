import { describe, expect, test } from "vitest";
import { check } from "../../history/checker.js";
import type { Entry, Gaps } from "../../history/entry.js";
import type { Reach } from "../../history/reach.js";

/** Ada is served by the host A; the worker `B/0/1` of the other sends to everybody. */
const connect = (host: string, recovered = false): Entry => {
  return { type: "connect", client: "ada", pid: "of ada", recovered, host };
};
const close: Entry = { type: "close", client: "ada", reason: "transport close" };
const cut = (gaps: Gaps): Entry => ({ type: "cut", gaps });
const mended: Entry = { type: "mended" };
const ended = (host: string): Entry => ({ type: "ended", host });
const quiet = (gaps: Gaps = {}): Entry => ({ type: "quiet", gaps });

function sent(id: string, number: number, sender = "B/0/1"): Entry[] {
  return [
    { type: "invoke", client: "bob", id, op: { kind: "emit", target: {} } },
    { type: "ok", id, sender, number },
  ];
}

function received(id: string, number: number, sender = "B/0/1"): Entry {
  const cursor = `e~0.1~0~${number.toString(36)}`;
  return { type: "receive", client: "ada", connection: 1, id, sender, number, cursor, intact: true };
}

function rules(history: readonly Entry[], reach: Reach = "host"): string[] {
  return [...new Set(check(history, reach).violations.map(({ rule }) => rule))];
}

describe("who returns", () => {
  test("to another host, or another boot, may be new only where sessions do not reach so far", () => {
    const history = [connect("A"), close, connect("B"), quiet()];
    expect(rules(history)).toEqual([]);
    expect(rules(history, "hosts")).toEqual(["recovered"]);
    expect(rules([connect("A"), close, close, connect("B"), quiet()], "hosts")).toEqual([]);
    const away = [connect("A"), close, cut({}), connect("B"), mended, quiet()];
    expect(rules(away, "hosts")).toEqual([]);
    expect(rules([connect("A"), close, cut({}), connect("A"), mended, quiet()])).toEqual(["recovered"]);
  });

  test("to the same boot is to be recovered, whatever happened to others", () => {
    expect(rules([connect("A"), close, ended("B"), connect("A"), quiet()])).toEqual(["recovered"]);
  });
});

describe("what another host sends", () => {
  test("is lost if nothing had cut the hosts off", () => {
    expect(rules([connect("A"), ...sent("a", 1), quiet()])).toEqual(["loss"]);
    const later = [connect("A"), cut({ A: 0 }), mended, ...sent("a", 1), quiet({ A: 1 })];
    expect(rules(later)).toEqual(["loss"]);
  });

  test("may be missing while they are cut off, if that is told afterwards", () => {
    const history = (gaps: Gaps) => [connect("A"), cut({ A: 2 }), ...sent("a", 1), mended, quiet(gaps)];
    expect(rules(history({ A: 3 }))).toEqual([]);
    expect(rules(history({ A: 2 }))).toEqual(["loss"]);
    expect(rules(history({ A: 2, B: 7 }))).toEqual(["loss"]);
    expect(rules(history({ A: 3 }), "hosts")).toEqual([]);
  });

  test("may be missing within the host never", () => {
    const history = [connect("A"), cut({ A: 0 }), ...sent("a", 1, "A/0/1"), mended, quiet({ A: 1 })];
    expect(rules(history)).toEqual(["loss"]);
  });

  test("and its client's own host may be missing, if the client had gone from there to another meanwhile", () => {
    const moved = (gaps: Gaps, away: Entry[]) => {
      const during = [cut({ B: 2 }), ...away, ...sent("a", 1, "A/0/1"), connect("B", true), mended];
      return [
        connect("A"),
        ...during,
        ...sent("b", 2, "A/0/1"),
        { ...received("b", 2, "A/0/1"), connection: 2 } as Entry,
        quiet(gaps),
      ];
    };
    expect(rules(moved({ B: 3 }, [close]))).toEqual([]);
    expect(rules(moved({ B: 2 }, [close]))).toEqual(["loss"]);
    expect(rules(moved({ B: 3 }, []))).toEqual(["loss"]);
  });

  test("may end with it, but not in the midst", () => {
    expect(rules([connect("A"), ...sent("a", 1), ended("B"), quiet()])).toEqual([]);
    expect(rules([connect("A"), ...sent("a", 1), ...sent("b", 2), received("b", 2), ended("B"), quiet()])).toEqual([
      "loss",
    ]);
  });

  test("of one room comes to those whom it had join over there, unless a cut may have kept the command", () => {
    const room: Entry[] = [
      { type: "invoke", client: "bob", id: "j", op: { kind: "joinOther", other: "ada", room: "r" } },
      { type: "ok", id: "j", sender: "B/0/1", number: 1 },
      { type: "invoke", client: "bob", id: "a", op: { kind: "emit", target: { room: "r" } } },
      { type: "ok", id: "a", sender: "B/0/1", number: 2 },
    ];
    expect(rules([connect("A"), ...room, quiet()])).toEqual(["loss"]);
    expect(rules([connect("A"), cut({}), mended, ...room, quiet()])).toEqual([]);
    const leave: Entry = { type: "invoke", client: "ada", id: "l", op: { kind: "leave", room: "r" } };
    const left: Entry = { type: "ok", id: "l", sender: "A/0/1", number: 1 };
    expect(rules([connect("A"), leave, left, ...room, quiet()])).toEqual(["loss"]);
    expect(rules([connect("A"), leave, ...room, left, quiet()])).toEqual([]);
  });
});

test("cursors of another boot say nothing of this one's", () => {
  const at = (id: string, number: number, cursor: string): Entry => ({ ...received(id, number), cursor }) as Entry;
  const history = (epoch: string) => [
    connect("A"),
    ...sent("a", 1),
    at("a", 1, "x~0.1~5~5"),
    close,
    connect("A", true),
    ...sent("b", 2),
    { ...at("b", 2, `${epoch}~0.1~1~1`), connection: 2 } as Entry,
    quiet(),
  ];
  expect(rules(history("y"))).toEqual([]);
  expect(rules(history("x"))).toEqual(["cursor"]);
});
