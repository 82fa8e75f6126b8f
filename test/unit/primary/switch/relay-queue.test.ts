import fc from "fast-check";
import { expect, test } from "vitest";
import { RelayQueue } from "../../../../src/primary/switch/relay-queue.js";

interface Frame {
  readonly from: object;
  readonly name: string;
  readonly joins: boolean;
  readonly atUs: number;
}

const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];

test("a frame waits for one more poll", () => {
  expect(relayed([[event(a, "1")], [event(b, "2")], []])).toEqual([[], ["1"], ["2"]]);
});

test("a command to join that was read in one poll with a frame of another sender goes first", () => {
  expect(relayed([[event(b, "later"), join(a, "join")], []])).toEqual([[], ["join", "later"]]);
});

test("a command to join that was read one poll after it goes first too", () => {
  expect(relayed([[event(b, "later")], [join(a, "join")], []])).toEqual([[], [], ["join", "later"]]);
});

test("what its own sender sent before a command to join stays before it", () => {
  const polls = [[event(a, "1")], [event(b, "later"), event(a, "2"), join(a, "join"), event(a, "3")], []];
  expect(relayed(polls)).toEqual([[], [], ["1", "2", "join", "later", "3"]]);
});

test.each([
  ["in one poll", [[join(b, "second", 2), join(a, "first", 1)], []]],
  ["in the poll before", [[join(b, "second", 2)], [join(a, "first", 1)], []]],
])("of two commands to join the one that was said first goes first, also if the other was read %s", (_, polls) => {
  expect(relayed(polls).flat()).toEqual(["first", "second"]);
});

test("a command to join waits for one that was said before it no longer than another frame would, and what is behind it waits too", () => {
  const polls = [[join(a, "3", 3), event(a, "4")], [join(b, "2", 2)], [join(c, "1", 1)], []];
  expect(relayed(polls)).toEqual([[], [], ["3", "4"], ["1", "2"]]);
});

test("commands to join that were said in any order are relayed once, in each sender's order, two polls later at most", () => {
  const frame = fc.record({ from: fc.constantFrom(a, b, c), joins: fc.boolean(), later: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(fc.array(frame, { maxLength: 5 }), { maxLength: 8 }), (shapes) => {
      const clocks = new Map<object, number>();
      const polls = shapes.map((poll, p) =>
        poll.map(({ from, joins, later }, i) => {
          const atUs = (clocks.get(from) ?? 0) + later;
          clocks.set(from, atUs);
          return { from, joins, name: `${p}.${i}`, atUs };
        }),
      );
      const turns = relayed([...polls, [], []]);
      for (const sender of [a, b, c]) {
        const names = polls.flat().flatMap(({ from, name }) => (from === sender ? [name] : []));
        expect(turns.flat().filter((name) => names.includes(name))).toEqual(names);
      }
      for (const [p, poll] of polls.entries()) {
        for (const { name } of poll) expect([p + 1, p + 2]).toContain(turns.findIndex((names) => names.includes(name)));
      }
    }),
    { numRuns: 500 },
  );
});

test("a stream of commands to join holds nothing back for more than one poll", () => {
  const polls = [[event(b, "waits")], ...Array.from({ length: 5 }, (_, i) => [join(a, `join ${i}`)]), []];
  expect(relayed(polls)[2]).toEqual(["join 0", "waits"]);
});

test("whatever is read, everything is relayed once, in each sender's order, two polls later at most, behind the joins", () => {
  const frame = fc.record({ from: fc.constantFrom(a, b, c), joins: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(frame, { maxLength: 5 }), { maxLength: 8 }), (shapes) => {
      const polls = shapes.map((poll, p) =>
        poll.map((shape, i) => ({ ...shape, name: `${p}.${i}`, atUs: p * 10 + i })),
      );
      const turns = relayed([...polls, [], []]);
      const order = turns.flat();
      const read = polls.flat();
      expect([...order].sort()).toEqual(read.map(({ name }) => name).sort());
      for (const sender of [a, b, c]) {
        const names = new Set(read.filter(({ from }) => from === sender).map(({ name }) => name));
        expect(order.filter((name) => names.has(name))).toEqual([...names]);
      }
      for (const [p, poll] of polls.entries()) {
        for (const { name } of poll) expect([p + 1, p + 2]).toContain(turns.findIndex((names) => names.includes(name)));
        const around = [...poll, ...(polls[p + 1] ?? [])];
        for (const late of poll.filter((frame) => !goesBeforeJoin(frame, around))) {
          const joins = around.filter(({ joins, from }) => joins && from !== late.from);
          for (const { name } of joins) expect(order.indexOf(name)).toBeLessThan(order.indexOf(late.name));
        }
      }
    }),
    { numRuns: 500 },
  );
});

/** Its sender's order has it go before a command to join, or it is one. */
function goesBeforeJoin(frame: Frame, read: readonly Frame[]): boolean {
  return read.slice(read.indexOf(frame)).some(({ from, joins }) => joins && from === frame.from);
}

/** What each poll's end relays, when the polls bring these frames. */
function relayed(polls: readonly (readonly Frame[])[]): string[][] {
  const queue = new RelayQueue<Frame>();
  return polls.map((poll) => {
    for (const frame of poll) queue.push(frame);
    return queue.takeDue().map(({ name }) => name);
  });
}

function event(from: object, name: string): Frame {
  return { from, name, joins: false, atUs: 0 };
}

function join(from: object, name: string, atUs = 0): Frame {
  return { from, name, joins: true, atUs };
}
