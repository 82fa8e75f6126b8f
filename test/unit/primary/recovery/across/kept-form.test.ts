/** What hosts keep in Redis for each other: it is read as it was written, and what is not whole is not read at all. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Batch, readBatch, writeBatch } from "../../../../../src/primary/recovery/across/batch.js";
import { isPid, isUid, keysOf } from "../../../../../src/primary/recovery/across/key.js";
import { readRecord, type SessionRecord, writeRecord } from "../../../../../src/primary/recovery/across/record.js";
import { Seal } from "../../../../../src/primary/recovery/across/seal.js";
import { readWord, type Word, writeWord } from "../../../../../src/primary/recovery/across/word.js";
import { FrameBatch, FrameKind, ProtocolError, type RoomName } from "../../../../../src/protocol/frame.js";
import { Change } from "../../../../../src/protocol/recovery-frame.js";

const AT = { worker: "0.1", own: 3, shared: 2 ** 40 };

const RECORD: SessionRecord = {
  offsetBefore: "f~0.1~5~6",
  epoch: "abcd",
  worker: "0.1",
  id: "id",
  namespace: "/chat",
  parent: "",
  rooms: new Map<RoomName, typeof AT>([
    ["r", AT],
    [1, { ...AT, own: 4 }],
  ]),
  since: AT,
  data: Buffer.from("data"),
  base: undefined,
  start: { ...AT, own: 1 },
  confirmed: AT,
  state: undefined,
  ahead: new Map([["another", 6]]),
  release: { at: 7, vector: new Map([["host", 5]]) },
};

const BATCH: Batch = {
  first: 8,
  sent: 6,
  vector: new Map([["other", 2]]),
  workers: new Map([["0.1", { own: 4, changed: 7 }]]),
  entries: [
    { worker: "0.1", own: 4, shared: 8, namespace: "/", rooms: ["r", 1], what: { kind: "event", frame: broadcast() } },
    {
      ...{
        worker: "",
        own: 9,
        shared: 9,
        namespace: "/",
        rooms: [],
        origin: { host: "other", number: 2 },
        had: ["a", "b"],
      },
      what: { kind: "change", change: Change.join, except: ["x"], into: ["y"] },
    },
    { worker: "", own: 10, shared: 10, namespace: "/", rooms: [], origin: undefined, what: { kind: "lost" } },
  ],
};

const FORMS = {
  record: { bytes: Buffer.concat(writeRecord(RECORD)), read: readRecord },
  batch: { bytes: Buffer.concat(writeBatch(BATCH)), read: readBatch },
};

function broadcast(): Buffer {
  const frame = new FrameBatch().begin(FrameKind.broadcast).number(0);
  frame
    .address({ namespace: "/", rooms: ["r"], except: [] })
    .byte(0)
    .byte(0)
    .bytes(Buffer.from("payload"))
    .end();
  return Buffer.concat(frame.take());
}

describe("what was written is read", () => {
  test("a record", () => expect(readRecord(FORMS.record.bytes)).toEqual(RECORD));
  test("a batch", () => expect(readBatch(FORMS.batch.bytes)).toEqual(BATCH));
});

describe.each(Object.entries(FORMS))("a %s", (_, { bytes, read }) => {
  test("that is cut short, or longer than it says, is refused", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => read(bytes.subarray(0, length))).toThrow(ProtocolError);
    }
    expect(() => read(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(ProtocolError);
  });

  test("of anything at all is read or refused, at once", () => {
    const changed = fc.tuple(fc.nat(bytes.length - 1), fc.uint8Array({ maxLength: 8 })).map(([at, piece]) => {
      const copy = Buffer.from(bytes);
      copy.set(piece.subarray(0, copy.length - at), at);
      return copy;
    });
    const any = fc.oneof(
      changed,
      fc.uint8Array({ maxLength: 64 }).map((piece) => Buffer.from(piece)),
    );
    fc.assert(
      fc.property(any, (input) => {
        try {
          read(input);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

test("an event that could not be replayed later is refused when it is read", () => {
  const [event] = BATCH.entries;
  const entry = { ...event, what: { kind: "event" as const, frame: Buffer.alloc(20, 0xff) } } as Batch["entries"][0];
  expect(() => readBatch(Buffer.concat(writeBatch({ ...BATCH, entries: [entry] })))).toThrow(ProtocolError);
});

describe("a seal", () => {
  const [ours, theirs, none] = [new Seal("secret"), new Seal("another"), new Seal(undefined)];
  const sealed = ours.close("here", [Buffer.from("content")]);

  test("is believed where it was put, and nowhere else", () => {
    expect(ours.open("here", sealed)?.toString()).toBe("content");
    expect(ours.open("there", sealed)).toBeUndefined();
    expect(theirs.open("here", sealed)).toBeUndefined();
    expect(ours.open("here", none.close("here", [Buffer.from("content")]))).toBeUndefined();
    expect(ours.open("here", Buffer.concat([Buffer.from("x"), sealed]))).toBeUndefined();
  });

  test("is not there without a secret", () => {
    expect(none.close("here", [Buffer.from("content")]).toString()).toBe("content");
    expect(none.open("here", Buffer.from("content"))?.toString()).toBe("content");
  });
});

describe("a word", () => {
  const words: Word[] = [
    { kind: "ask", from: "a", id: 1, pid: "p", namespace: "/" },
    { kind: "answer", from: "a", id: 1, refusal: "taken" },
  ];
  const seal = new Seal("secret");

  test.each(words)("is read by whom it is for: %j", (word) => {
    const bytes = writeWord(word, "b", seal);
    expect(readWord(bytes, "b", seal)).toEqual(word);
    expect(readWord(bytes, "c", seal)).toBeUndefined();
  });

  test("that is none is undefined", () => {
    const plain = new Seal(undefined);
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(40), Buffer.alloc(20_000, 1), Buffer.from([1, 3, 0, 0])]) {
      expect(readWord(bytes, "b", plain)).toBeUndefined();
    }
  });
});

test("what a client says becomes part of a key only if it is a private id", () => {
  expect(isPid("abcdefghij_-ABCDEFGH")).toBe(true);
  for (const text of ["", "*", "a".repeat(19), "a".repeat(21), "hosts#aaaaaaaaaaaaaa", `${"a".repeat(19)}\n`]) {
    expect(isPid(text)).toBe(false);
  }
  expect(isUid("abcdefghij_-ABCD")).toBe(true);
  expect(keysOf("p").claim("pid", "host")).toBe("p-holdfast-recovery#claim#pid#host");
});
