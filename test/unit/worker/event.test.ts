import fc from "fast-check";
import { Decoder, Encoder } from "socket.io-parser";
import { describe, expect, test } from "vitest";
import { packFlags, unpackFlags } from "../../../src/protocol/content.js";
import { FrameBatch, FrameKind, FrameReader } from "../../../src/protocol/frame.js";
import {
  createDecoderOf,
  type DecoderLike,
  type EventPart,
  OnceEncoder,
  type Packet,
  RemoteEvent,
  readEventParts,
  toEventParts,
} from "../../../src/worker/event.js";

const EVENT = 2;
const createDecoder = createDecoderOf({ _parser: { Decoder } });
const real = new Encoder() as unknown as { encode(packet: Packet): unknown[] };

describe("an event of another worker", () => {
  test("has the data that its sender encoded", () => {
    // Beside bytes, Socket.IO's own encoder loses a key of this name.
    const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));
    const leaf = fc.oneof(
      json,
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    );
    const data = fc.array(fc.oneof(leaf, fc.record({ a: leaf, b: fc.array(leaf, { maxLength: 3 }) })), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(data, (args) => {
        const event = crossed(real.encode({ type: EVENT, data: ["x", ...args], nsp: "/n" }));
        expect(event.data).toEqual(["x", ...JSON.parse(JSON.stringify(args), revived)]);
      }),
    );
  });

  test("may have more attachments than the parser takes from a client", () => {
    const many = Array.from({ length: 20 }, (_, i) => Buffer.from([i]));
    expect(crossed(real.encode({ type: EVENT, data: ["x", many], nsp: "/" })).data).toEqual(["x", many]);
  });

  test("is decoded only when somebody asks", () => {
    let decoders = 0;
    const event = new RemoteEvent(['2["x",1]'], () => {
      decoders++;
      return createDecoder();
    });
    expect(decoders).toBe(0);
    expect([event.data, event.data]).toEqual([
      ["x", 1],
      ["x", 1],
    ]);
    expect(decoders).toBe(1);
  });

  test("that the app's parser cannot read has no data", () => {
    const decoder = { on: () => {}, add: () => expect.unreachable() };
    expect(new RemoteEvent(["?"], () => decoder).data).toEqual([]);
  });

  test("is not encoded again", () => {
    const once = new OnceEncoder({ encode: () => expect.unreachable() });
    expect(once.encode(new RemoteEvent(['2["x"]'], createDecoder))).toEqual(['2["x"]']);
  });
});

test("parts are copied: the app may use its buffer again at once", () => {
  const bytes = Buffer.from("before");
  const parts = toEventParts([bytes, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 6)]);
  bytes.fill(0);
  expect(parts.map(String)).toEqual(["before", "before"]);
});

test("a text of any size is read as it was written", () => {
  for (const length of [0, 1, 16_383, 16_384, 100_000]) {
    const parts = ["é".repeat(length), Buffer.alloc(length, 1)];
    expect(passed(parts).map((part) => part.length)).toEqual([length, length]);
  }
});

describe("an encoder", () => {
  test("encodes a packet once and answers the same afterwards", () => {
    let calls = 0;
    const once = new OnceEncoder({ encode: () => [`part ${++calls}`] });
    const packet = { type: EVENT, data: ["x"] };
    expect(once.encodeOnce(packet)).toEqual(["part 1"]);
    expect(once.encode(packet)).toEqual(["part 1"]);
    expect(once.encode({ type: EVENT, data: ["x"] })).toEqual(["part 2"]);
  });
});

test.each([undefined, {}, { volatile: true }, { compress: false }, { compress: true, volatile: true }])(
  "flags %j cross as they are",
  (flags) => {
    expect(unpackFlags(packFlags(flags))).toEqual(flags ?? {});
  },
);

function crossed(encoded: readonly unknown[]): RemoteEvent {
  return new RemoteEvent(passed(toEventParts(encoded)), createDecoder as () => DecoderLike);
}

/** Written into a frame and read from it, as Exchange does. */
function passed(parts: readonly EventPart[]): EventPart[] {
  const batch = new FrameBatch();
  batch.begin(FrameKind.broadcast).number(parts.length);
  for (const part of parts) {
    if (typeof part === "string") batch.byte(0).longText(part);
    else batch.byte(1).sizedBytes(part);
  }
  batch.end();
  return readEventParts(new FrameReader(Buffer.concat(batch.take())));
}

function revived(_: string, value: unknown): unknown {
  const bytes = value as { type?: string; data?: number[] } | null;
  return bytes?.type === "Buffer" && Array.isArray(bytes.data) ? Buffer.from(bytes.data) : value;
}
