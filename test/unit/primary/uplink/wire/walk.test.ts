import fc from "fast-check";
import { encode } from "notepack.io";
import { describe, expect, test } from "vitest";
import { JsonWalk } from "../../../../../src/primary/uplink/wire/json-walk.js";
import { MsgpackWalk } from "../../../../../src/primary/uplink/wire/msgpack-walk.js";
import { Fields, type Shape, type Walk } from "../../../../../src/primary/uplink/wire/outline.js";
import { Refusal } from "../../../../../src/primary/uplink/wire/refusal.js";
import { pack } from "../../../../../src/worker/packer.js";
import { unpack } from "../../../../../src/worker/unpacker.js";

const walks = [
  ["msgpack", (value: unknown) => new MsgpackWalk(pack(value))],
  ["json", (value: unknown) => new JsonWalk(Buffer.from(JSON.stringify(value)))],
] as const;

const anyText = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ unit: "grapheme", maxLength: 300 }));
/** As JSON and msgpack both hold it. */
const anyValue = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)));

describe.each(walks)("a walk over %s", (encoding, walkOver) => {
  test("finds each field of any message, and its bytes are those of the value", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 40 }), anyValue, { maxKeys: 30 }), (message) => {
        const walk = walkOver(message);
        const fields = new Fields(walk, walk.outline({}));
        for (const [name, value] of Object.entries(message)) {
          const packed = fields.packed(name);
          expect(packed && unpack(packed)).toEqual(value);
        }
      }),
    );
  });

  test("reads texts and numbers", () => {
    const item = fc.oneof(
      anyText,
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.maxSafeInteger(),
    );
    fc.assert(
      fc.property(fc.array(item), (list) => {
        expect(fieldsOf(walkOver({ list })).list("list")).toEqual(list.map((one) => (Object.is(one, -0) ? 0 : one)));
      }),
    );
  });

  test("looks into maps that the shape names, whatever the order of their fields", () => {
    const walk = walkOver({ data: { opts: { rooms: ["a"] }, packet: { type: 2 } }, type: 3 });
    const fields = fieldsOf(walk, { data: { opts: {} } });
    expect(fields.number("type")).toBe(3);
    expect(fields.map("data").map("opts").list("rooms")).toEqual(["a"]);
    expect(() => fields.map("data").map("packet")).toThrow(Refusal);
  });

  test("looks into an array that the shape names", () => {
    const fields = fieldsOf(walkOver({ list: ["a", { b: 1 }, [2]] }), { list: { 0: {}, 1: {} } });
    const list = fields.packedArray("list");
    expect(unpack(list)).toEqual(["a", { b: 1 }, [2]]);
  });

  test.each<[string, (fields: Fields) => unknown]>([
    ["a text", (fields) => fields.text("number")],
    ["a number", (fields) => fields.number("text")],
    ["a boolean", (fields) => fields.boolean("nil")],
    ["a map", (fields) => fields.map("list")],
    ["an array", (fields) => fields.packedArray("text")],
    ["a list of texts and numbers", (fields) => fields.list("maps")],
    ["a count", (fields) => fields.count("fraction")],
    ["an id", (fields) => fields.id("long")],
    ["what is missing", (fields) => fields.text("missing")],
  ])("refuses what is not %s", (_, read) => {
    const message = { number: 1, text: "a", nil: null, list: [], maps: [{}], fraction: 1.5, long: "x".repeat(65) };
    expect(() => read(fieldsOf(walkOver(message)))).toThrow(Refusal);
  });

  test("takes nil for a field that is missing, and what is no flag for none", () => {
    const fields = fieldsOf(walkOver({ nil: null, text: "true", yes: true, no: false }));
    expect([fields.has("nil"), fields.optionalId("nil"), fields.list("nil")]).toEqual([false, undefined, []]);
    expect(["text", "yes", "no", "nil"].map((name) => fields.flag(name))).toEqual([undefined, true, false, undefined]);
  });

  test("an id may have 64 characters, however they are written", () => {
    for (const id of ["x".repeat(64), "\u0001".repeat(64), "é".repeat(64), "\ud83d\ude00".repeat(32)]) {
      expect(fieldsOf(walkOver({ id })).id("id")).toBe(id);
    }
    expect(encoding).toBe(walkOver({}).encoding);
  });
});

describe("a walk over JSON", () => {
  test("takes what JSON.parse takes, and refuses what it refuses", () => {
    const piece = fc.constantFrom(
      ...'{}[],:"\\\n\t\u0000 -+.0159eEtrufalsn/bé',
      "true",
      "false",
      "null",
      "\\u00e9",
      "\\ud800",
      "1e5",
      '"a"',
      '"a":',
    );
    const almost = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
      fc
        .tuple(fc.json(), fc.nat(), piece)
        .map(([json, at, one]) => `${json.slice(0, at % json.length)}${one}${json.slice((at % json.length) + 1)}`),
      fc.json(),
    );
    fc.assert(
      fc.property(almost, (text) => {
        expect(isTaken(new JsonWalk(Buffer.from(text))), text).toBe(isParsed(Buffer.from(text).toString()));
      }),
      { numRuns: 20_000 },
    );
  });

  test("takes white space wherever it may be", () => {
    const text = ' { "a" : [ 1 , 2 ] , "b" : { } , "c" : [ ] }\r\n\t';
    expect(fieldsOf(new JsonWalk(Buffer.from(text))).list("a")).toEqual([1, 2]);
  });
});

describe("a walk over msgpack", () => {
  test("takes what can be unpacked", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const message = Buffer.from(bytes);
        // Within an array, into which the walk does not look: there it would refuse keys that are no text.
        const walk = new MsgpackWalk(Buffer.concat([Buffer.from([0x91]), message]));
        if (isUnpacked(message)) expect(isTaken(walk)).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  test("takes every value that notepack.io writes", () => {
    const odd = [
      new Date(0),
      new Date(2 ** 40),
      new Date(-1),
      new Date(1.5),
      Buffer.alloc(70_000),
      "x".repeat(70_000),
      2 ** 63,
      -(2 ** 40),
      1.5,
      undefined,
      Array(70_000).fill(0),
    ];
    for (const value of odd) {
      const walk = new MsgpackWalk(encode({ value, next: "here" }));
      expect(fieldsOf(walk).text("next")).toBe("here");
    }
  });

  test("takes every extension and length", () => {
    const values = [
      "d40000",
      "d5010203",
      "d60101020304",
      `d700${"00".repeat(8)}`,
      `d805${"00".repeat(16)}`,
      "c70105ff",
      "c8000205ffff",
      "c900000000ff",
      "ca00000000",
      "c40101",
      "d90161",
      "dc000101",
      "de0001a16101",
    ];
    for (const value of values) expect(isTaken(new MsgpackWalk(Buffer.from(value, "hex"))), value).toBe(true);
    for (const value of values) {
      expect(isTaken(new MsgpackWalk(Buffer.from(value, "hex").subarray(0, -1))), value).toBe(false);
    }
  });

  test("refuses keys that are no text where it looks", () => {
    const walk = new MsgpackWalk(Buffer.from("810102", "hex"));
    expect(() => walk.outline({})).toThrow(Refusal);
    expect(isTaken(new MsgpackWalk(Buffer.from("91810102", "hex")))).toBe(true);
  });

  test("reads old notepack.io's undefined as missing", () => {
    expect(fieldsOf(new MsgpackWalk(Buffer.from("81a161d40000", "hex"))).has("a")).toBe(false);
  });
});

function fieldsOf(walk: Walk, shape: Shape = {}): Fields {
  return new Fields(walk, walk.outline(shape));
}

function isTaken(walk: Walk): boolean {
  try {
    walk.outline({ none: {} });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return false;
  }
}

function isParsed(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isUnpacked(bytes: Buffer): boolean {
  try {
    unpack({ encoding: "msgpack", bytes });
    return true;
  } catch {
    return false;
  }
}
