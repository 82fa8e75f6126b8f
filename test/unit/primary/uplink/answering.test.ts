import { expect, test } from "vitest";
import { Answering } from "../../../../src/primary/uplink/answering.js";
import { FrameWriter } from "../../../../src/primary/uplink/frame-in.js";
import type { HostPart, IncomingRequest, Outgoing } from "../../../../src/primary/uplink/wire/message.js";
import { FrameReader } from "../../../../src/protocol/frame.js";

const HOUR_MS = 3_600_000;
const HOST: HostPart = {
  uid: "other",
  sequence: 1,
  number: 0,
  gap: { missed: 0, upTo: 0 },
  timeoutMs: 0,
  answered: 0,
  lost: 0,
  last: false,
  payloads: [],
};

function request(timeoutMs: number, host?: HostPart): IncomingRequest {
  const address = { namespace: "/", rooms: [], except: [] };
  const question = { name: "fetch" } as const;
  return { kind: "request", namespace: "/", requestId: "r", uid: "u", host, address, question, timeoutMs };
}

/** What the switch is asked, and what leaves for Redis. */
function answering() {
  const asked: { id: number; timeoutMs: number }[] = [];
  const published: Outgoing[] = [];
  const deliver = (frame: Buffer) => {
    const read = new FrameReader(frame);
    const id = read.number();
    read.number();
    asked.push({ id, timeoutMs: read.number() });
  };
  const publish = (message: Outgoing) => published.push(message) > 0;
  return { answering: new Answering({ frames: new FrameWriter(), deliver, publish }), asked, published };
}

test("who asks in the manner of a plain server is kept in mind for a minute at most, a host for as long as it waits", () => {
  const { answering: answers, asked } = answering();
  for (const message of [request(HOUR_MS), request(7_000), request(0, { ...HOST, timeoutMs: HOUR_MS })]) {
    expect(answers.onRequest(message)).toBe(true);
  }
  expect(asked.map(({ timeoutMs }) => timeoutMs)).toEqual([60_000, 7_000, HOUR_MS]);
  answers.sweep(performance.now() + 66_000);
  expect(answers.size).toBe(1);
});

test("very many such requests leave room for hosts', and have room again when they are over", () => {
  const { answering: answers, asked } = answering();
  let taken = 0;
  while (answers.onRequest(request(HOUR_MS))) taken++;
  expect(taken).toBe(5_000);
  expect(answers.onRequest(request(0, HOST))).toBe(true);
  answers.onDone((asked[0] as { id: number }).id, 1, 0);
  expect(answers.onRequest(request(HOUR_MS))).toBe(true);
  expect(answers.onRequest(request(HOUR_MS))).toBe(false);
  answers.sweep(performance.now() + 66_000);
  expect(answers.onRequest(request(HOUR_MS))).toBe(true);
});

test("one that the switch refuses is forgotten, and nobody is told that there is nothing", () => {
  const { answering: answers, asked, published } = answering();
  answers.onRequest(request(0, HOST));
  answers.onRefused((asked[0] as { id: number }).id);
  expect([answers.size, published]).toEqual([0, []]);
});
