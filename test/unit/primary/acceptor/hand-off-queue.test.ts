import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { Admission } from "../../../../src/primary/acceptor/admission.js";
import type { Arrival, OwnerKey } from "../../../../src/primary/acceptor/arrival.js";
import { ArrivalQueue, ownerKey } from "../../../../src/primary/acceptor/arrival.js";
import { HandOffQueue } from "../../../../src/primary/acceptor/hand-off-queue.js";
import { type HandOffMessage, isHandOffMessage } from "../../../../src/protocol/hand-off.js";

test("only a few hand-offs are in flight, the next goes when the worker has said its word", () => {
  const { queue, sent } = setUp();
  for (let i = 0; i < 10; i++) queue.add(arrival());
  expect(sequences(sent)).toEqual([1, 2, 3, 4]);
  queue.settle(2, true);
  expect(sequences(sent)).toEqual([1, 2, 3, 4, 5]);
});

test("what is sent is a hand-off message with the bytes as latin1", () => {
  const { queue, sent } = setUp();
  queue.add(arrival({ bytes: Buffer.from([0x47, 0xff, 0x00]) }));
  expect(isHandOffMessage(sent[0]?.message)).toBe(true);
  expect(sent[0]?.message.data).toBe("G\xff\0");
});

test("a connection that is taken is closed here and counts until the worker says that it has closed", () => {
  const { queue } = setUp();
  const taken = arrival();
  queue.add(taken);
  expect(queue.connections).toBe(1);
  expect(queue.settle(1, true)).toBeUndefined();
  expect(taken.socket.destroyed).toBe(true);
  expect(queue.connections).toBe(1);
  queue.closed([1]);
  expect(queue.connections).toBe(0);
});

test("a visit lasts as long as its connection, here or in the worker", () => {
  const { queue } = setUp();
  const admission = new Admission({}, () => false);
  const visits = Array.from({ length: 3 }, () => admission.enter());
  for (const visit of visits) queue.add({ ...arrival(), visit });
  for (const sequence of [1, 2, 3]) queue.settle(sequence, true);
  for (const visit of visits) visit.leaveHere();
  expect(admission.open).toBe(3);
  queue.closed([2, 2, 99]);
  expect(admission.open).toBe(2);
  queue.takeAll();
  expect(admission.open).toBe(0);
});

test("a connection that the worker could not take comes back open and uncounted", () => {
  const { queue } = setUp();
  const lost = arrival();
  queue.add(lost);
  expect(queue.settle(1, false)).toBe(lost);
  expect(lost.socket.destroyed).toBe(false);
  expect(queue.connections).toBe(0);
});

test("a word for a hand-off that is not in flight changes nothing", () => {
  const { queue } = setUp();
  queue.add(arrival());
  expect(queue.settle(7, false)).toBeUndefined();
  expect(queue.settle(0, true)).toBeUndefined();
  expect(queue.connections).toBe(1);
});

test("a worker that claims to have closed what it never had cannot make its count wrong for others", () => {
  const { queue } = setUp();
  queue.add(arrival());
  queue.closed(Array.from({ length: 1_000 }, (_, i) => i));
  expect(queue.connections).toBe(1);
});

test("when a worker dies everything it had not confirmed comes back, in order", () => {
  const { queue } = setUp();
  const arrivals = Array.from({ length: 6 }, () => arrival());
  for (const each of arrivals) queue.add(each);
  queue.settle(1, true);
  expect(queue.takeAll()).toEqual(arrivals.slice(1));
  expect(queue.connections).toBe(0);
  expect(queue.pending).toBe(0);
});

test("what waits unsent and is of no session of the worker can be taken back, what is sent or its own stays", () => {
  const { queue } = setUp();
  const sentAlready = Array.from({ length: 4 }, () => arrival());
  const [free, own, foreign] = [arrival(), arrival({ owner: queue.key }), arrival({ owner: keyOf(9, 9) })];
  for (const each of [...sentAlready, free, own, foreign]) queue.add(each);
  expect(queue.takeUnbound()).toEqual([free, foreign]);
  expect(queue.pending).toBe(5);
  expect(queue.connections).toBe(5);
});

test("a hand-off that is never confirmed comes back, but later than the worker may take it", () => {
  const { queue, sent } = setUp();
  const forgotten = arrival();
  const nowMs = performance.now();
  queue.add(forgotten);
  const validForMs = (sent[0]?.message.validUntilMs as number) - Number(process.hrtime.bigint() / 1_000_000n);
  expect(queue.expire(nowMs + validForMs)).toEqual([]);
  expect(queue.expire(nowMs + 10_500)).toEqual([forgotten]);
  expect(queue.connections).toBe(0);
});

test("past its bounds it takes no more", () => {
  const { queue } = setUp();
  const accepted = Array.from({ length: ArrivalQueue.MAX_ARRIVALS + 10 }, () => queue.add(arrival()));
  expect(accepted.filter(Boolean).length).toBe(ArrivalQueue.MAX_ARRIVALS + 4);
  const { queue: other } = setUp();
  const bytes = Buffer.alloc(ArrivalQueue.MAX_BYTES / 4);
  expect(Array.from({ length: 9 }, () => other.add(arrival({ bytes }))).filter(Boolean).length).toBe(8);
});

test("what a busy worker has no time for comes back after a while, but for what belongs to its sessions", () => {
  const { queue } = setUp();
  const nowMs = performance.now();
  for (let i = 0; i < 4; i++) queue.add(arrival());
  const [late, own] = [arrival(), arrival({ owner: queue.key })];
  queue.add(late);
  queue.add(own);
  expect(queue.takeImpatient(nowMs + 4_900)).toEqual([]);
  expect(queue.takeImpatient(nowMs + 5_500)).toEqual([late]);
  expect(queue.takeImpatient(nowMs + 5_500)).toEqual([]);
  expect(queue.pending).toBe(5);
  expect(queue.connections).toBe(5);
});

test("what was sent in time does not come back for having waited", () => {
  const { queue } = setUp();
  const nowMs = performance.now();
  for (let i = 0; i < 5; i++) queue.add(arrival());
  queue.settle(1, true);
  expect(queue.takeImpatient(nowMs + 6_000)).toEqual([]);
});

interface Sent {
  readonly message: HandOffMessage;
  readonly socket: Socket;
}

function setUp(): { queue: HandOffQueue; sent: Sent[] } {
  const sent: Sent[] = [];
  const target = {
    slot: 1,
    incarnation: 2,
    send: (message: HandOffMessage, socket: Socket) => sent.push({ message, socket }),
  };
  return { queue: new HandOffQueue(target), sent };
}

function arrival(fields: { bytes?: Buffer; owner?: OwnerKey } = {}): Arrival {
  const socket = { destroyed: false, destroy: () => Object.assign(socket, { destroyed: true }) };
  const { bytes = Buffer.from("GET / "), owner } = fields;
  return { socket: socket as unknown as Socket, bytes, owner, attempts: 0 };
}

function sequences(sent: readonly Sent[]): number[] {
  return sent.map(({ message }) => message.sequence);
}

function keyOf(slot: number, incarnation: number): OwnerKey {
  return ownerKey({ slot, incarnation });
}
