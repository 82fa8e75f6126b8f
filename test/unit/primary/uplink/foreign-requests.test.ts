import { describe, expect, test } from "vitest";
import { type Asker, ForeignRequests } from "../../../../src/primary/uplink/foreign-requests.js";

const HOST: Asker = { namespace: "/", requestId: "r", uid: "u", isHost: true, name: "fetch" };
const PLAIN: Asker = { ...HOST, isHost: false };
const piece = (text: string) => Buffer.from(text);
const texts = (report: { pieces: readonly Buffer[] } | undefined) => report?.pieces.map(String);

describe("a host that asks", () => {
  test("is answered once, with what all workers said", () => {
    const requests = new ForeignRequests();
    const id = requests.add(HOST, 1_000, 0);
    expect([requests.answered(id, piece("a")), requests.answered(id, piece("b"))]).toEqual([undefined, undefined]);
    const report = requests.done(id);
    expect(texts(report)).toEqual(["a", "b"]);
    expect(report).toMatchObject({ last: true, count: 2, asker: { requestId: "r", uid: "u" } });
    expect(requests.size).toBe(0);
  });

  test("gets what there is before it gives up, and the rest when that comes", () => {
    const requests = new ForeignRequests();
    const id = requests.add({ ...HOST, name: "event" }, 1_000, 0);
    requests.answered(id, piece("a"));
    expect(requests.sweep(700)).toEqual([]);
    const [part, ...more] = requests.sweep(750);
    expect([texts(part), part?.last, more]).toEqual([["a"], false, []]);
    expect(requests.sweep(800)).toEqual([]);
    requests.answered(id, piece("b"));
    expect(texts(requests.done(id))).toEqual(["b"]);
  });

  test("is not made to wait for what is large", () => {
    const requests = new ForeignRequests();
    const id = requests.add(HOST, 1_000, 0);
    expect(requests.answered(id, Buffer.alloc(2 * 1024 * 1024))).toMatchObject({ last: false, count: 1 });
    expect(requests.done(id)).toMatchObject({ pieces: [], last: true, count: 1 });
  });
});

describe("a plain server that asks", () => {
  test("gets one list", () => {
    const requests = new ForeignRequests();
    const id = requests.add(PLAIN, 1_000, 0);
    expect(requests.answered(id, piece("a"))).toBeUndefined();
    expect(requests.sweep(900)).toEqual([]);
    expect(texts(requests.done(id))).toEqual(["a"]);
  });

  test.each(["event", "emit"] as const)("hears each answer to %s as it comes", (name) => {
    const requests = new ForeignRequests();
    const id = requests.add({ ...PLAIN, name }, 1_000, 0);
    expect(texts(requests.answered(id, piece("a")))).toEqual(["a"]);
    expect(requests.answered(id, piece("b"))).toMatchObject({ last: false, count: 2 });
    expect(requests.done(id)).toMatchObject({ pieces: [], last: true, count: 2 });
  });
});

test("what its asker no longer waits for is forgotten, and a late answer is nobody's", () => {
  const requests = new ForeignRequests();
  const id = requests.add(HOST, 1_000, 0);
  requests.sweep(6_000);
  expect(requests.size).toBe(0);
  expect([requests.answered(id, piece("late")), requests.done(id)]).toEqual([undefined, undefined]);
});
