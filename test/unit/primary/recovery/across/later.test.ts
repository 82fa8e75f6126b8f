/** What has happened since a session's host had its last event: each once, in the order of its sender. */
import { describe, expect, test } from "vitest";
import { Late } from "../../../../../src/primary/recovery/across/late.js";
import { laterThan } from "../../../../../src/primary/recovery/across/later.js";
import { Trim } from "../../../../../src/primary/recovery/across/trim.js";
import { type Entry, EventLog, type Origin } from "../../../../../src/primary/recovery/event-log.js";

/** Entries by name: "us" its own, "them:5" of another host, "?" of a plain server. */
function logOf(uid: string, names: readonly string[], first = 1): EventLog {
  const log = new EventLog(first - 1);
  for (const name of names) log.append(entryOf(uid, name, log.last + 1), 0);
  return log;
}

function entryOf(uid: string, name: string, number: number): Omit<Entry, "shared"> {
  const [host, at] = name.split(":") as [string, string | undefined];
  const origin: Origin | undefined = at === undefined ? undefined : { host, number: Number(at) };
  const worker = host === uid ? "0.1" : "";
  const what = { kind: "event", frame: Buffer.from(name) } as const;
  return { worker, own: number, namespace: "/", rooms: [], origin, what };
}

const heardIn = (log: EventLog) => {
  const heard = new Map<string, number>();
  for (const { origin } of log.from(1)) if (origin) heard.set(origin.host, origin.number);
  return heard;
};

interface Known {
  readonly at: number;
  readonly vector?: Record<string, number>;
  readonly ahead?: Record<string, number>;
}

function later(
  { at, vector = {}, ahead = {} }: Known,
  own: readonly string[],
  others: Record<string, readonly string[]> = {},
) {
  const log = logOf("me", own);
  const bound = { owner: "dead", at, vector: new Map(Object.entries(vector)), ahead: new Map(Object.entries(ahead)) };
  const logs = Object.entries(others).map(([uid, names]) => ({ uid, log: logOf(uid, names) }));
  const found = laterThan(bound, { uid: "me", log, heard: heardIn(log) }, logs);
  const nameOf = ({ what, shared, origin }: Entry) =>
    `${what.kind === "event" ? what.frame.toString() : what.kind}${origin ? "" : `@${shared}`}`;
  return { entries: found.entries.map(nameOf), doubtful: found.doubtful.map(nameOf) };
}

describe("later than what the owner had", () => {
  test("is what this host has sequenced or heard past it, in its order", () => {
    const own = ["me", "other:1", "me", "dead:4", "other:2", "me"];
    expect(later({ at: 4, vector: { me: 3, other: 1 } }, own).entries).toEqual(["other:2", "me@6"]);
  });

  test("is what of the owner itself came after it let go", () => {
    expect(later({ at: 4 }, ["dead:3", "dead:5", "dead:6"]).entries).toEqual(["dead:5", "dead:6"]);
  });

  test("is what was sent and not heard here, before what its host has sent later", () => {
    const others = { other: ["other", "other", "other", "other"] };
    const found = later({ at: 1, vector: { other: 1 } }, ["me", "other:3"], others).entries;
    expect(found).toEqual(["me@1", "other@2", "other:3", "other@4"]);
  });

  test("is nothing that the session was given out of a stream before its host had heard it", () => {
    const known = { at: 1, vector: { other: 1 }, ahead: { other: 3 } };
    expect(later(known, ["other:2", "me"], { other: ["other", "other", "other", "other"] }).entries).toEqual([
      "me@2",
      "other@4",
    ]);
  });

  test("is none of what the others' logs hold of others", () => {
    expect(later({ at: 0, vector: { other: 0 } }, [], { other: ["third:1", "?", "other"] }).entries).toEqual([
      "other@3",
    ]);
  });

  test("is everything of a host that the owner had never heard of", () => {
    expect(later({ at: 9 }, ["new:1", "new:2"]).entries).toEqual(["new:1", "new:2"]);
  });
});

describe("what plain servers have sent", () => {
  test("is in doubt behind the last that the owner is known to have heard", () => {
    const { doubtful } = later({ at: 1, vector: { other: 1 } }, ["?", "other:1", "?", "other:2", "?"]);
    expect(doubtful).toEqual(["?@5", "?@3"]);
  });

  test("is in doubt also behind what the session was given and the owner had not heard", () => {
    const { doubtful } = later({ at: 1, vector: { other: 1 }, ahead: { other: 2 } }, ["other:1", "?", "other:2"]);
    expect(doubtful).toEqual(["?@2"]);
  });

  test("is in doubt also before what the owner itself has sent, which it may have heard later", () => {
    expect(later({ at: 5 }, ["?", "dead:4"]).doubtful).toEqual(["?@1"]);
  });
});

describe("what comes late", () => {
  const session = { id: "a", namespace: "/" };

  test("is for everybody but who has it already, until its host has got as far", () => {
    const late = new Late();
    late.await(session, new Map([["h", 5]]), new Map([["h", 2]]), 0);
    expect(late.exceptFor({ host: "other", number: 3 }, "/")).toEqual([]);
    expect(late.exceptFor({ host: "h", number: 3 }, "/chat")).toEqual([]);
    expect(late.exceptFor({ host: "h", number: 3 }, "/")).toEqual(["a"]);
    expect(late.exceptFor({ host: "h", number: 5 }, "/")).toEqual(["a"]);
    expect(late.exceptFor({ host: "h", number: 5 }, "/")).toEqual([]);
  });

  test("is not waited for where all has been heard, nor for ever", () => {
    const late = new Late();
    late.await(session, new Map([["h", 5]]), new Map([["h", 5]]), 0);
    expect(late.exceptFor({ host: "h", number: 5 }, "/")).toEqual([]);
    late.await(session, new Map([["h", 9]]), new Map(), 0);
    late.sweep(60_001);
    expect(late.exceptFor({ host: "h", number: 6 }, "/")).toEqual([]);
  });
});

describe("a stream is cut", () => {
  test("where what is before is older than it is needed", () => {
    const trim = new Trim(1_000_000);
    for (let second = 0; second < 10; second++) trim.appended(second * 10, 100, second * 1_000);
    expect(trim.cut(0)).toBe(0);
    expect(trim.cut(5_500)).toBe(51);
    expect(trim.bytes).toBe(400);
  });

  test("where what is before is more than may be kept, but for the last", () => {
    const trim = new Trim(250);
    for (let i = 1; i <= 4; i++) trim.appended(i, 100, i * 1_000);
    expect(trim.cut(0)).toBe(3);
    trim.appended(5, 10_000, 6_000);
    expect(trim.cut(0)).toBe(5);
  });
});
