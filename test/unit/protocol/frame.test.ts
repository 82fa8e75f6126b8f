import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FRAME_HEAD_BYTES,
  FrameBatch,
  FrameKind,
  FrameReader,
  kindOf,
  MAX_FRAME_BYTES,
  ProtocolError,
  type RoomName,
  replaceId,
} from "../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../src/protocol/frame-splitter.js";

const text = fc.string({ unit: "grapheme", maxLength: 200 });
/** As an app may write it: also with a surrogate that has lost its partner. */
const anyText = fc.oneof(
  text,
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constant("\ud800"),
  fc.constant("a\udfff"),
);
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true }));
const oddRoom = fc.constantFrom(undefined, null, true, false, Number.NaN);
const room = fc.oneof(anyText, number, oddRoom) as fc.Arbitrary<RoomName>;
const rooms = fc.uniqueArray(room, { maxLength: 8 });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.integer({ min: 0, max: 40_000 }).map((size) => new Uint8Array(size).fill(size % 251)),
);

const broadcast = fc.record({ namespace: anyText, rooms, except: rooms, payload });
type Broadcast = typeof broadcast extends fc.Arbitrary<infer T> ? T : never;

describe("a batch", () => {
  test("gives back what was encoded, in order, however its bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(broadcast, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 70_000 })),
        (sent, cuts) => {
          const batch = new FrameBatch();
          for (const event of sent) write(batch, event);
          const bytes = takeAll(batch);
          expect(split(bytes, cuts).map(read).map(inText)).toEqual(sent.map(asRead).map(inText));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("cut into single bytes, is read all the same", () => {
    const batch = new FrameBatch();
    const event = { namespace: "/é", rooms: ["r", 7], except: [], payload: Buffer.from("payload") };
    write(batch, event);
    write(batch, event);
    const bytes = takeAll(batch);
    expect(split(bytes, new Array(bytes.length).fill(1)).map(read)).toEqual([asRead(event), asRead(event)]);
  });

  test("is empty after it was taken, and can be filled again", () => {
    const batch = new FrameBatch();
    batch.begin(FrameKind.closed).number(1).end();
    expect(batch.byteLength).toBe(FRAME_HEAD_BYTES + 4);
    takeAll(batch);
    expect(batch.byteLength).toBe(0);
    expect(batch.take()).toEqual([]);
    batch.begin(FrameKind.closed).number(2).end();
    expect(new FrameReader(takeAll(batch)).number()).toBe(2);
  });

  test("borrows a large payload instead of copying it", () => {
    const batch = new FrameBatch();
    const large = Buffer.alloc(20 * 1024 * 1024, 1);
    write(batch, { namespace: "/", rooms: [], except: [], payload: large });
    const pieces = batch.take();
    expect(pieces.includes(large)).toBe(true);
    expect(read(Buffer.concat(pieces)).payload.equals(large)).toBe(true);
  });

  test("copies a small payload, which its owner may then change", () => {
    const batch = new FrameBatch();
    const small = Buffer.from("before");
    batch.begin(FrameKind.broadcast).address({ namespace: "/", rooms: [], except: [] }).bytes(small).end();
    small.fill(0);
    expect(read(takeAll(batch)).payload.toString()).toBe("before");
  });

  test("keeps 1 and '1' apart", () => {
    const batch = new FrameBatch();
    batch.begin(FrameKind.join).text("/").rooms([1, "1", -1.5, "", 0]).end();
    const reader = new FrameReader(takeAll(batch));
    reader.text();
    expect(reader.rooms()).toEqual([1, "1", -1.5, "", 0]);
  });

  test("writes a room that no type allows, rather than break the frame it stands in", () => {
    const batch = new FrameBatch();
    const odd = [Object.create(null), Symbol("x"), () => 1, 10n] as unknown as RoomName[];
    batch
      .begin(FrameKind.join)
      .text("/")
      .rooms([...odd, "after"])
      .end();
    const reader = new FrameReader(takeAll(batch));
    reader.text();
    expect(reader.rooms().at(-1)).toBe("after");
  });

  test("grows for a text or a number of rooms beyond one slab", () => {
    const batch = new FrameBatch();
    const many = Array.from({ length: 20_000 }, (_, i) => `room-${i}`);
    batch.begin(FrameKind.join).text("x".repeat(100_000)).rooms(many).end();
    const reader = new FrameReader(takeAll(batch));
    expect(reader.text()).toHaveLength(100_000);
    expect(reader.rooms()).toEqual(many);
  });

  test.each([10, 20_000])("writes a text of %i characters as longText and as text alike", (length) => {
    const long = "é\ud83d\ude00".repeat(length / 2);
    const batch = new FrameBatch();
    batch.begin(FrameKind.control).longText(long).text(long).end();
    const reader = new FrameReader(takeAll(batch));
    expect([reader.text(), reader.text()]).toEqual([long, long]);
  });
});

describe("a splitter", () => {
  test.each([0, MAX_FRAME_BYTES + 1, 0xffff_ffff])("refuses a frame of %i bytes", (length) => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(length);
    expect(() => new FrameSplitter().push(head, () => {})).toThrow(ProtocolError);
  });

  test("hands on the frames before the one it refuses", () => {
    const batch = new FrameBatch();
    batch.begin(FrameKind.closed).number(1).end();
    const kinds: number[] = [];
    const bytes = Buffer.concat([...batch.take(), Buffer.alloc(4)]);
    expect(() => new FrameSplitter().push(bytes, (frame) => kinds.push(kindOf(frame)))).toThrow(ProtocolError);
    expect(kinds).toEqual([FrameKind.closed]);
  });

  test("throws ProtocolError, and nothing else, on random bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
        const splitter = new FrameSplitter();
        onlyProtocolErrors(() => {
          for (const chunk of chunks) splitter.push(Buffer.from(chunk), () => {});
        });
      }),
    );
  });
});

describe("a reader", () => {
  test("throws ProtocolError wherever a frame is cut short", () => {
    fc.assert(
      fc.property(broadcast, fc.nat(), (event, at) => {
        const batch = new FrameBatch();
        write(batch, { ...event, payload: Buffer.alloc(0) });
        const frame = takeAll(batch);
        const short = frame.subarray(0, FRAME_HEAD_BYTES + (at % (frame.length - FRAME_HEAD_BYTES)));
        expect(() => read(short)).toThrow(ProtocolError);
      }),
    );
  });

  test("throws ProtocolError, and nothing else, on random bodies", () => {
    const body = fc.uint8Array({ minLength: FRAME_HEAD_BYTES, maxLength: 400 });
    const reads = fc.constantFrom(
      "byte",
      "number",
      "text",
      "room",
      "rooms",
      "address",
      "sizedBytes",
    ) as fc.Arbitrary<"byte">;
    fc.assert(
      fc.property(body, fc.array(reads), (bytes, names) => {
        const reader = new FrameReader(Buffer.from(bytes));
        onlyProtocolErrors(() => {
          for (const name of names) reader[name]();
        });
      }),
    );
  });

  test("does not believe a count of rooms that the frame cannot hold", () => {
    const frame = Buffer.alloc(FRAME_HEAD_BYTES + 4);
    frame.writeUInt32LE(0xffff_ffff, FRAME_HEAD_BYTES);
    expect(() => new FrameReader(frame).rooms()).toThrow("4294967295 rooms in 9 bytes");
  });

  test("reads what is left exactly once", () => {
    const batch = new FrameBatch();
    batch.begin(FrameKind.broadcast).number(1).bytes(Buffer.from("rest")).end();
    const reader = new FrameReader(takeAll(batch));
    reader.number();
    expect([reader.rest().toString(), reader.rest().length]).toEqual(["rest", 0]);
  });
});

test("an id is replaced in place", () => {
  const batch = new FrameBatch();
  batch.begin(FrameKind.response).number(1).byte(1).bytes(Buffer.from("x")).end();
  const frame = takeAll(batch);
  replaceId(frame, 0xffff_fffe);
  const reader = new FrameReader(frame);
  expect([reader.number(), reader.byte(), reader.rest().toString()]).toEqual([0xffff_fffe, 1, "x"]);
});

function write(batch: FrameBatch, { namespace, rooms, except, payload }: Broadcast): void {
  batch.begin(FrameKind.broadcast).address({ namespace, rooms, except }).bytes(payload).end();
}

function read(frame: Buffer): { namespace: string; rooms: RoomName[]; except: RoomName[]; payload: Buffer } {
  const reader = new FrameReader(frame);
  return { namespace: reader.text(), rooms: reader.rooms(), except: reader.rooms(), payload: reader.rest() };
}

function asRead(event: Broadcast): ReturnType<typeof read> {
  const positive = (name: RoomName) => (Object.is(name, -0) ? 0 : name);
  const { namespace, rooms, except, payload } = event;
  return { namespace, rooms: rooms.map(positive), except: except.map(positive), payload: Buffer.from(payload) };
}

/** Vitest compares long buffers byte by byte, in seconds. */
function inText(event: ReturnType<typeof read>): object {
  return { ...event, payload: event.payload.toString("latin1") };
}

function takeAll(batch: FrameBatch): Buffer {
  return Buffer.concat(batch.take());
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const splitter = new FrameSplitter();
  const frames: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    splitter.push(bytes.subarray(at, at + cut), (frame) => frames.push(frame));
    at += cut;
    if (at >= bytes.length) break;
  }
  return frames;
}

function onlyProtocolErrors(action: () => void): void {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
  }
}
