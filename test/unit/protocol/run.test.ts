import { expect, test } from "vitest";
import { readContent, withoutPacked } from "../../../src/protocol/content.js";
import { FrameBatch, FrameKind, FrameReader, kindOf, ProtocolError } from "../../../src/protocol/frame.js";
import { broadcastsOf, eachEvent, readRun, writeRun } from "../../../src/protocol/run.js";
import { textFrameOf } from "../../../src/protocol/text-frame.js";

const ADDRESS = { namespace: "/n", rooms: ["r", 1], except: ["x"] };
const TEXTS = ["a", "é🙂", "x".repeat(70_000)];
const PACKED = TEXTS.map((text) => Buffer.from(`packed ${text}`));

test("a run gives back what was written, event by event", () => {
  const run = readRun(runOf(TEXTS, PACKED));
  expect([run.address, run.flags]).toEqual([ADDRESS, 5]);
  const events: [string, string][] = [];
  eachEvent(run, (payload, packed) => events.push([textOf(payload), String(packed)]));
  expect(events).toEqual(TEXTS.map((text) => [text, `packed ${text}`]));
});

test("what was packed is cut off as from a broadcast, and the rest is the same run", () => {
  const stripped = withoutPacked(runOf(TEXTS, PACKED));
  expect(stripped.equals(runOf(TEXTS, []))).toBe(true);
});

test("apart it is as many broadcasts, each with its text, for the same address", () => {
  const broadcasts = broadcastsOf(runOf(TEXTS, PACKED));
  expect(broadcasts.map(kindOf)).toEqual(TEXTS.map(() => FrameKind.broadcast));
  const read = broadcasts.map((frame) => {
    const reader = new FrameReader(frame);
    const packedBytes = reader.number();
    return [reader.address(), readContent(reader, packedBytes)] as const;
  });
  expect(read.map(([address, { what, payload }]) => [address, what, textOf(payload)])).toEqual(
    TEXTS.map((text) => [ADDRESS, 5, text]),
  );
});

test("a run that is cut short is a protocol error wherever it ends", () => {
  const whole = runOf(["a", "b"], [Buffer.from("p"), Buffer.from("q")]);
  for (let end = 5; end < whole.length; end++) {
    expect(() => eachEvent(readRun(whole.subarray(0, end)), () => {})).toThrow(ProtocolError);
  }
});

function runOf(texts: readonly string[], packed: readonly Buffer[]): Buffer {
  const batch = new FrameBatch();
  writeRun(batch, { address: ADDRESS, flags: 5 }, texts.map(textFrameOf), packed);
  return Buffer.concat(batch.take());
}

/** Of one part, as a broadcast's content has it. */
function textOf(payload: Buffer): string {
  const read = new FrameReader(payload, 0);
  expect([read.number(), read.byte()]).toEqual([1, 0]);
  return read.text();
}
