import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { type Arrival, type OwnerKey, ownerKey } from "../../../../src/primary/acceptor/arrival.js";
import { createBalance } from "../../../../src/primary/acceptor/balance.js";
import type { HandOffTarget } from "../../../../src/primary/acceptor/hand-off-queue.js";
import { Placement } from "../../../../src/primary/acceptor/placement.js";
import type { HandOffMessage } from "../../../../src/protocol/hand-off.js";

test("a session's connection goes to its worker, however much that has", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  for (let i = 0; i < 3; i++) placement.place(arrival(second.key));
  placement.place(arrival());
  expect([first.got.length, second.got.length]).toEqual([1, 3]);
});

test("a session's connection goes to its worker while that drains or is stuck, and a new one does not", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  placement.bind(first);
  placement.place(arrival(first.key));
  for (let i = 0; i < 4; i++) placement.place(arrival());
  expect([first.got.length, second.got.length]).toEqual([1, 4]);
});

test("a session's connection goes to any worker when its own is gone, and that one refuses it", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  placement.remove(first);
  placement.place(arrival(first.key));
  expect(second.got.length).toBe(1);
});

test("a connection that most likely belongs to a worker goes there while that takes new ones, else anywhere", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  for (let i = 0; i < 3; i++) placement.place({ ...arrival(), likely: second.key });
  expect([first.got.length, second.got.length]).toEqual([0, 3]);
  placement.bind(second);
  placement.place({ ...arrival(), likely: second.key });
  expect([first.got.length, second.got.length]).toEqual([1, 3]);
});

test("a slot's next incarnation does not get the sessions of the one before", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  const next = target(0, 2);
  placement.add(next);
  for (let i = 0; i < 5; i++) placement.place(arrival(first.key));
  expect([first.got.length, second.got.length, next.got.length]).toEqual([4, 0, 0]);
});

test("what a dead worker had not confirmed goes to the others", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  for (let i = 0; i < 8; i++) placement.place(arrival());
  placement.settle(first, 1, true);
  placement.remove(first);
  for (let sequence = 1; sequence <= 8; sequence++) placement.settle(second, sequence, true);
  expect(second.got.length).toBe(7);
  expect(placement.connections(second)).toBe(7);
  expect(placement.connections(first)).toBe(0);
});

test("a worker that gets stuck keeps only what was sent to it", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  for (let i = 0; i < 20; i++) placement.place(arrival());
  placement.bind(first);
  expect(placement.connections(first)).toBe(4);
  expect(placement.connections(second)).toBe(16);
});

test("a connection that a worker could not take goes to another, and that worker rests", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  placement.place(arrival());
  placement.settle(first, 1, false);
  for (let i = 0; i < 3; i++) placement.place(arrival());
  expect([first.got.length, second.got.length]).toEqual([1, 4]);
});

test("a connection that no worker can take is refused in the end", () => {
  const { placement, targets, refused } = setUp(4);
  const hopeless = arrival();
  placement.place(hopeless);
  const waiting = new Set(targets);
  while (waiting.size > 0) {
    const asked = [...waiting].find(({ got }) => got.length > 0) as Target;
    waiting.delete(asked);
    placement.settle(asked, 1, false);
  }
  expect(refused).toEqual([hopeless]);
  expect(placement.sizes.pending).toBe(0);
});

test("with no worker ready a connection waits, and is placed when one is", () => {
  const { placement, refused } = setUp(0);
  placement.place(arrival());
  expect(placement.sizes.held).toBe(1);
  const late = target(0, 1);
  placement.add(late);
  expect(late.got.length).toBe(1);
  expect(placement.sizes.held).toBe(0);
  expect(refused).toEqual([]);
});

test("with no worker ready for five seconds a connection is refused", () => {
  const { placement, refused } = setUp(0);
  const waiting = arrival();
  placement.place(waiting);
  placement.sweep(performance.now() + 4_500);
  expect(refused).toEqual([]);
  placement.sweep(performance.now() + 5_100);
  expect(refused).toEqual([waiting]);
  expect(placement.sizes.held).toBe(0);
});

test("what no worker had time for in five seconds is refused, so that a storm is over when it is over", () => {
  const { placement, refused } = setUp(2);
  const nowMs = performance.now();
  for (let i = 0; i < 10; i++) placement.place(arrival());
  placement.sweep(nowMs + 4_900);
  expect(refused.length).toBe(0);
  placement.sweep(nowMs + 5_500);
  expect(refused.length).toBe(2);
});

test("what is never confirmed is sent again to another worker", () => {
  const { placement, targets } = setUp(2);
  const [first, second] = targets;
  placement.place(arrival());
  placement.sweep(performance.now() + 10_500);
  expect([first.got.length, second.got.length]).toEqual([1, 1]);
  placement.settle(first, 1, true);
  expect(placement.connections(second)).toBe(1);
});

test("closing refuses what waits, and later what has no worker", () => {
  const { placement, refused } = setUp(0);
  placement.place(arrival());
  placement.close();
  placement.place(arrival());
  expect(refused.length).toBe(2);
});

test("a connection that the client has reset is not sent anywhere", () => {
  const { placement, targets } = setUp(1);
  const gone = arrival();
  gone.socket.destroy();
  placement.place(gone);
  expect(targets[0].got).toEqual([]);
});

interface Target extends HandOffTarget {
  readonly got: HandOffMessage[];
  readonly key: OwnerKey;
}

function setUp(count: number) {
  const refused: Arrival[] = [];
  const placement = new Placement(createBalance("least-connection"), (arrival) => refused.push(arrival));
  const targets = Array.from({ length: count }, (_, slot) => target(slot, 1));
  for (const each of targets) placement.add(each);
  return { placement, refused, targets: targets as [Target, Target, ...Target[]] };
}

function target(slot: number, incarnation: number): Target {
  const got: HandOffMessage[] = [];
  return { slot, incarnation, got, key: ownerKey({ slot, incarnation }), send: (message) => void got.push(message) };
}

function arrival(owner?: OwnerKey): Arrival {
  const socket = { destroyed: false, destroy: () => Object.assign(socket, { destroyed: true }) };
  return { socket: socket as unknown as Socket, bytes: Buffer.from("GET / "), owner, attempts: 0 };
}
