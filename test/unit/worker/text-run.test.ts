import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { Encoding } from "../../../src/protocol/content.js";
import { BINARY_PART, TEXT_PART } from "../../../src/protocol/event-part.js";
import { type Address, FrameBatch, FrameKind, ProtocolError } from "../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../src/protocol/frame-splitter.js";
import { writeRun } from "../../../src/protocol/run.js";
import { textFrameOf } from "../../../src/protocol/text-frame.js";
import { textRunAt } from "../../../src/worker/text-run.js";

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
    const { run } = textRunAt([frame as Buffer], 0) ?? {};
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
    expect(textRunAt(frames, 0)?.run.texts()).toEqual(["a"]);
    expect(textRunAt(frames, 1)).toBeUndefined();
    expect(textRunAt(frames, 2)?.run.texts()).toEqual(["z"]);
  });

  test("does not begin with another kind, and ends before it", () => {
    const frames = encode((batch) => {
      text(batch, "a", {});
      batch.begin(FrameKind.command).byte(0).address(EVERYBODY).end();
    });
    expect(textRunAt(frames, 0)?.frames).toBe(1);
    expect(textRunAt(frames, 1)).toBeUndefined();
  });

  test("that is cut short in its address is a protocol error, as without runs", () => {
    const [frame] = encode((batch) => batch.begin(FrameKind.broadcast).number(0).text("/").number(7).end());
    expect(() => textRunAt([frame as Buffer], 0)).toThrow(ProtocolError);
  });
});

test("as WebSocket frames it is one message each, as ws reads them", async () => {
  const texts = ["", "é🙂", "x".repeat(124), "x".repeat(125), "x".repeat(65_534), "x".repeat(65_535)];
  const broadcasts = framesOf(...texts.map((each): [string, Target] => [each, {}]));
  for (const frames of [broadcasts, [writtenRun(texts)]]) {
    const receiver = new Receiver({ isServer: false });
    const received: string[] = [];
    receiver.on("message", (data: Buffer) => received.push(data.toString()));
    receiver.write(textRunAt(frames, 0)?.run.toWebSocketFrames() as Buffer);
    await expect.poll(() => received).toEqual(texts.map((each) => `4${each}`));
  }
});

describe("a run that a worker has written", () => {
  test("is one frame with all its texts, whom it is for, and its flags", () => {
    const frames = [writtenRun(["a", "é🙂"], { namespace: "/n", rooms: ["r", 1], except: ["x"] }), writtenRun(["b"])];
    const { run, frames: taken } = textRunAt(frames, 0) ?? {};
    expect([run?.texts(), run?.flags, taken]).toEqual([["a", "é🙂"], 3, 1]);
    expect(run?.address).toEqual({ namespace: "/n", rooms: ["r", 1], except: ["x"] });
  });

  test("is a copy as WebSocket frames, because the memory of the link is read into again", () => {
    const frame = writtenRun(["a"]);
    const frames = textRunAt([frame], 0)?.run.toWebSocketFrames() as Buffer;
    frame.fill(0);
    expect(frames.toString("latin1")).toBe("\x81\x024a");
  });

  test.each([
    ["of another opcode", "82 02 34 61"],
    ["of another packet type", "81 02 32 61"],
    ["masked", "81 82 00 00 00 00 34 61"],
    ["that ends too early", "81 03 34 61"],
    ["without a packet type", "81 00"],
    ["with half a head", "81 7e 00"],
    ["larger than anything", "81 7f ff ff ff ff ff ff ff ff 34"],
    ["behind a good one", "81 02 34 61 81"],
  ])("with a frame %s is a protocol error, before it is the end of a client's connection", (_, hex) => {
    const frames = [Buffer.from(hex.replaceAll(" ", ""), "hex")];
    const [run] = encode((batch) => writeRun(batch, { address: EVERYBODY, flags: 0 }, frames, []));
    expect(() => textRunAt([run as Buffer], 0)).toThrow(ProtocolError);
  });
});

function writtenRun(texts: readonly string[], address: Partial<Address> = {}): Buffer {
  const run = { address: { ...EVERYBODY, ...address }, flags: 3 };
  const [frame] = encode((batch) => writeRun(batch, run, texts.map(textFrameOf), []));
  return frame as Buffer;
}

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
    found.push(textRunAt(frames, at)?.run.texts() as string[]);
  }
  return found;
}
