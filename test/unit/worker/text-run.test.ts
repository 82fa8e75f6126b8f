import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { Encoding } from "../../../src/protocol/content.js";
import { type Address, FrameBatch, FrameKind, ProtocolError } from "../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../src/protocol/frame-splitter.js";
import { BINARY_PART, TEXT_PART } from "../../../src/worker/event-part.js";
import { TextRun } from "../../../src/worker/text-run.js";

/** What ws reads a connection with; its types do not name it. */
const { Receiver } = createRequire(import.meta.url)("ws") as {
  Receiver: new (options: object) => NodeJS.WritableStream;
};
const EVERYBODY: Address = { namespace: "/", rooms: [], except: [] };

describe("a run", () => {
  test("is what follows each other to the same address with the same flags", () => {
    const frames = framesOf(
      ["a", {}],
      ["b", {}],
      ["c", { rooms: ["r"] }],
      ["d", { rooms: ["r"] }],
      ["e", { flags: 1 }],
    );
    expect(runs(frames)).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  test("knows whom it is for", () => {
    const [frame] = framesOf(["a", { namespace: "/n", rooms: ["r", 1], except: ["x"], flags: 3 }]);
    const run = TextRun.beginningAt([frame as Buffer], 0);
    expect(run?.address).toEqual({ namespace: "/n", rooms: ["r", 1], except: ["x"] });
    expect(run?.flags).toBe(3);
  });

  test.each([
    [
      "a binary part",
      (batch: FrameBatch) => batch.byte(0).byte(Encoding.own).number(1).byte(BINARY_PART).sizedBytes(Buffer.from("b")),
    ],
    ["another encoding", (batch: FrameBatch) => batch.byte(0).byte(Encoding.json).number(1).byte(TEXT_PART).text("b")],
    [
      "two parts",
      (batch: FrameBatch) =>
        batch.byte(0).byte(Encoding.own).number(2).byte(TEXT_PART).text("b").byte(TEXT_PART).text("c"),
    ],
    [
      "text that is no UTF-8",
      (batch: FrameBatch) => batch.byte(0).byte(Encoding.own).number(1).byte(TEXT_PART).text("\ud800"),
    ],
    [
      "less than it says",
      (batch: FrameBatch) =>
        batch.byte(0).byte(Encoding.own).number(1).byte(TEXT_PART).number(9).bytes(Buffer.from("b")),
    ],
    [
      "more than it says",
      (batch: FrameBatch) => batch.byte(0).byte(Encoding.own).number(1).byte(TEXT_PART).text("b").byte(1),
    ],
  ])("ends before an event of %s, which begins none", (_, write) => {
    const frames = encode((batch) => {
      text(batch, "a", {});
      write(batch.begin(FrameKind.broadcast).number(0).address(EVERYBODY)).end();
      text(batch, "z", {});
    });
    expect(TextRun.beginningAt(frames, 0)?.texts()).toEqual(["a"]);
    expect(TextRun.beginningAt(frames, 1)).toBeUndefined();
    expect(TextRun.beginningAt(frames, 2)?.texts()).toEqual(["z"]);
  });

  test("does not begin with another kind, and ends before it", () => {
    const frames = encode((batch) => {
      text(batch, "a", {});
      batch.begin(FrameKind.command).byte(0).address(EVERYBODY).end();
    });
    expect(TextRun.beginningAt(frames, 0)?.length).toBe(1);
    expect(TextRun.beginningAt(frames, 1)).toBeUndefined();
  });

  test("that is cut short in its address is a protocol error, as without runs", () => {
    const [frame] = encode((batch) => batch.begin(FrameKind.broadcast).number(0).text("/").number(7).end());
    expect(() => TextRun.beginningAt([frame as Buffer], 0)).toThrow(ProtocolError);
  });
});

test("as WebSocket frames it is one message each, as ws reads them", async () => {
  const texts = ["", "é🙂", "x".repeat(124), "x".repeat(125), "x".repeat(65_534), "x".repeat(65_535)];
  const run = TextRun.beginningAt(framesOf(...texts.map((each): [string, Target] => [each, {}])), 0) as TextRun;
  const receiver = new Receiver({ isServer: false });
  const received: string[] = [];
  receiver.on("message", (data: Buffer) => received.push(data.toString()));
  receiver.write(run.toWebSocketFrames());
  await expect.poll(() => received).toEqual(texts.map((each) => `4${each}`));
});

interface Target extends Partial<Address> {
  readonly flags?: number;
}

function text(batch: FrameBatch, value: string, { flags = 0, ...address }: Target): void {
  batch
    .begin(FrameKind.broadcast)
    .number(0)
    .address({ ...EVERYBODY, ...address });
  batch.byte(flags).byte(Encoding.own).number(1).byte(TEXT_PART).longText(value).end();
}

function framesOf(...events: [string, Target][]): Buffer[] {
  return encode((batch) => {
    for (const [value, target] of events) text(batch, value, target);
  });
}

function encode(write: (batch: FrameBatch) => void): Buffer[] {
  const batch = new FrameBatch();
  write(batch);
  const frames: Buffer[] = [];
  new FrameSplitter().push(Buffer.concat(batch.take()), (frame) => frames.push(frame));
  return frames;
}

function runs(frames: readonly Buffer[]): string[][] {
  const found: string[][] = [];
  for (let at = 0; at < frames.length; at += found.at(-1)?.length as number) {
    found.push((TextRun.beginningAt(frames, at) as TextRun).texts());
  }
  return found;
}
