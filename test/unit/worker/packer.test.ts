import { inspect, isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { decode, encode } from "notepack.io";
import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError } from "../../../src/worker/codec.js";
import { pack, packArguments } from "../../../src/worker/packer.js";
import { unpack } from "../../../src/worker/unpacker.js";

const pool = Buffer.from("0123456789abcdef".repeat(8));
const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));
/** What an app may pass to `emit`. */
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    text,
    fc.integer(),
    fc.double(),
    fc.maxSafeInteger(),
    fc.constantFrom<unknown>(
      null,
      undefined,
      true,
      false,
      -0,
      2 ** 32,
      2 ** 53,
      -(2 ** 31) - 1,
      Number.NaN,
      Symbol("s"),
      () => 1,
    ),
    fc.date({ noInvalidDate: false }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom("__proto__", "constructor", "toJSON")), tie("value"), { maxKeys: 20 }),
  ),
}));

describe("a packed value", () => {
  test("is what JSON makes of it, for notepack.io and for ourselves", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const plain = JSON.parse(JSON.stringify([value]));
        expectSame(unpacked(pack([value])), plain);
        // notepack.io makes a prototype of such a key, and replacement characters of such texts.
        const asText = JSON.stringify(plain);
        if (!asText.includes("__proto__") && !/\\ud[89a-f]/.test(asText)) expectSame(decode(pack([value])), plain);
      }),
    );
  });

  const kinds: Record<string, readonly [value: unknown, arrives: unknown]> = {
    "a Buffer": [Buffer.from("bytes"), Buffer.from("bytes")],
    "a part of a buffer": [pool.subarray(8, 24), Buffer.from("89abcdef01234567")],
    "a typed array": [new Uint16Array([1, 0x0203]), Buffer.from([1, 0, 3, 2])],
    "a double array": [new Float64Array([1]), Buffer.from(new Float64Array([1]).buffer)],
    "a DataView": [new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2), Buffer.from([2, 3])],
    "an ArrayBuffer": [new Uint8Array([1, 2]).buffer, Buffer.from([1, 2])],
    "an empty Buffer": [Buffer.alloc(0), Buffer.alloc(0)],
    "a large Buffer": [Buffer.alloc(3_000_000, 7), Buffer.alloc(3_000_000, 7)],
    "a Map": [new Map([[1, 2]]), {}],
    "a date": [new Date(5), "1970-01-01T00:00:00.005Z"],
    "an invalid date": [new Date(Number.NaN), null],
    "its toJSON's result": [
      { toJSON: (key: string) => ({ key, kept: true, left: undefined }) },
      { key: "a", kept: true },
    ],
    "a toJSON that says nothing": [{ toJSON: () => undefined }, undefined],
    "a binary toJSON": [{ toJSON: () => Buffer.from("b") }, Buffer.from("b")],
    "a boxed number": [Object(5), 5],
    "a boxed text": [Object("a"), "a"],
    "a sparse array": [Object.assign(new Array(2), { 1: "second" }), [null, "second"]],
    "an object of no prototype": [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    "inherited fields": [Object.create({ inherited: 1 }), {}],
    "a text of 1 MB": ["é".repeat(500_000), "é".repeat(500_000)],
    "surrogates alone": ["\ud800", "\ud800"],
    "surrogates in a long text": [`${"long ".repeat(50)}\udfff`, `${"long ".repeat(50)}\udfff`],
    "16 fields, of which some are left out": [
      Object.fromEntries([...Array(16).keys()].map((i) => [`f${i}`, i % 2 ? undefined : i])),
      Object.fromEntries([...Array(8).keys()].map((i) => [`f${i * 2}`, i * 2])),
    ],
    "70,000 items": [new Array(70_000).fill(1), new Array(70_000).fill(1)],
    "70,000 fields, one of which is left out": [
      Object.fromEntries([...Array(70_000).keys()].map((i) => [`f${i}`, i || undefined])),
      Object.fromEntries([...Array(69_999).keys()].map((i) => [`f${i + 1}`, i + 1])),
    ],
  };

  test.each(Object.entries(kinds))("of %s", (_, [value, arrives]) => {
    const expected = arrives === undefined ? {} : { a: arrives };
    expectSame(unpacked(pack({ a: value })), expected);
    if (!JSON.stringify(arrives ?? null).includes("\\ud")) expectSame(decode(pack({ a: value })), expected);
  });

  test("of undefined, at the top, is nil", () => {
    expect(unpacked(pack(undefined))).toBeNull();
  });

  test("is its own: packing another does not change it", () => {
    const first = pack(["first"]);
    const second = pack([{ toJSON: () => unpacked(pack("inner")) }, "x".repeat(50_000)]);
    expect(unpacked(first)).toEqual(["first"]);
    expect(unpacked(second)).toEqual(["inner", "x".repeat(50_000)]);
  });

  test("reads text up to each length's edge", () => {
    for (const length of [0, 15, 16, 17, 31, 32, 255, 256, 21_845, 21_846, 65_535, 65_536]) {
      for (const unit of ["a", "é", "€", "\ud83d\ude00"]) {
        expect(unpacked(pack(unit.repeat(length)))).toBe(unit.repeat(length));
        expect(decode(pack(unit.repeat(length)))).toBe(unit.repeat(length));
      }
    }
  });

  test("reads every number as it was", () => {
    const edges = [
      0,
      2 ** 7,
      2 ** 8,
      2 ** 15,
      2 ** 16,
      2 ** 31,
      2 ** 32,
      2 ** 53,
      2 ** 63,
      2 ** 64,
      1e300,
      0.1,
      5e-324,
    ];
    const numbers = edges
      .flatMap((edge) => [edge, edge - 1, edge + 1, -edge, -edge - 1, 1 - edge])
      .map((n) => (n === 0 ? 0 : n));
    expect(unpacked(pack(numbers))).toStrictEqual(numbers);
    expect(decode(pack(numbers))).toStrictEqual(numbers);
  });
});

describe("what has no encoding", () => {
  const circle: unknown[] = [];
  circle.push({ circle });
  let deep: unknown = 0;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  const odd: Record<string, unknown> = {
    "a circle": circle,
    "what is too deep": deep,
    "a bigint": [5n],
    "what its toJSON throws": {
      toJSON() {
        throw new Error("of the app");
      },
    },
    "what its getter throws": {
      get a() {
        throw new Error("of the app");
      },
    },
  };

  test.each(Object.entries(odd))("%s: an EncodeError", (_, value) => {
    expect(() => pack(value)).toThrow(EncodeError);
    expect(unpacked(pack("next"))).toBe("next");
  });

  test("leaves nothing of its arguments: only Holdfast's own hosts are told", () => {
    expect(unpacked(packArguments(["a", circle, 1, 5n]))).toEqual([]);
    expect(unpacked(packArguments(["a", { b: 1 }]))).toEqual(["a", { b: 1 }]);
  });

  test("begins at a depth of 490", () => {
    const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
    expect(unpacked(pack(nested(490)))).toEqual(nested(490));
    expect(() => pack(nested(491))).toThrow(EncodeError);
  });
});

describe("unpacking", () => {
  test("reads what notepack.io writes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const bytes = encode(value);
        // As notepack.io itself reads it: it does not hold every number and text.
        const read = decode(bytes);
        if (!JSON.stringify(value).includes("__proto__") && !/\\ud[89a-f]/.test(JSON.stringify(value))) {
          expectSame(unpacked(bytes), read);
        }
      }),
    );
  });

  test.each<[string, unknown]>([
    [
      "dates",
      [
        new Date(0),
        new Date(1_700_000_000_000),
        new Date(1_700_000_000_123),
        new Date(2 ** 35 * 1000),
        new Date(-1),
        new Date(-(2 ** 40) + 0.5),
      ],
    ],
    ["integers of 64 bits", [2 ** 32, 2 ** 40 + 1, -(2 ** 31) - 1, -(2 ** 40)]],
    ["buffers", [Buffer.alloc(1), Buffer.alloc(300, 1), Buffer.alloc(70_000, 2)]],
    ["long maps and arrays", [Object.fromEntries([...Array(20).keys()].map((i) => [i, i])), new Array(70_000).fill(0)]],
  ])("reads its %s", (_, value) => {
    expectSame(unpacked(encode(value)), decode(encode(value)));
  });

  test.each<[string, string]>([
    ["undefined of old", "d40000"],
    ["a date of old", "d700000000000000ffff"],
    ["an ArrayBuffer of old", "c7030001 0203"],
    ["one of 1 byte", "c7010007"],
    ["one of 8 bytes", "c708000102030405060708"],
    ["a large one", `c80100 00 ${"ab".repeat(256)}`],
    ["another extension", "d505 0102"],
    ["another extension of any length", "c70305 010203"],
    ["a float of 32 bits", "ca3fc00000"],
    ["integers of 8 and 16 bits", "94 ccff cdffff d080 d18000"],
    ["every text form", "93 d90161 da000161 db0000000161"],
  ])("reads %s as notepack.io does", (_, text) => {
    const bytes = Buffer.from(text.replaceAll(" ", ""), "hex");
    expect(unpacked(bytes)).toStrictEqual(decode(bytes));
  });

  test("gives binary values memory of their own", () => {
    const bytes = pack(Buffer.alloc(10_000, 1));
    const value = unpacked(bytes) as Buffer;
    bytes.fill(0);
    expectSame(value, Buffer.alloc(10_000, 1));
    expect(value.buffer).not.toBe(bytes.buffer);
  });

  test.each(["msgpack", "json"] as const)("keeps a key __proto__ a key, in %s", (encoding) => {
    const text = '{"__proto__":{"polluted":1},"a":{"__proto__":2,"constructor":{"prototype":{"polluted":1}}}}';
    const bytes = encoding === "json" ? Buffer.from(text) : pack(JSON.parse(text));
    const value = unpack({ encoding, bytes }) as Record<string, object>;
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(value)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.hasOwn(value.a as object, "__proto__")).toBe(true);
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["an array of 20 million in 5 bytes", "dd01312d00"],
    ["a map of 20 million", "df01312d00"],
    ["64 MB in 6 bytes", "c90400000000"],
    ["a text beyond the end", "d9ff61"],
    ["a byte of no meaning", "c1"],
    ["two values", "0101"],
    ["a key that is a map", "818001"],
    ["a timestamp of 5 bytes", "c705ff0000000000"],
    ["501 arrays in each other", `${"91".repeat(501)}c0`],
    ["a million", "91".repeat(1_000_000)],
  ])("refuses %s", (_, text) => {
    expect(() => unpacked(Buffer.from(text, "hex"))).toThrow(DecodeError);
  });

  test("refuses JSON that is none", () => {
    expect(() => unpack({ encoding: "json", bytes: Buffer.from("{") })).toThrow(DecodeError);
  });

  test("throws nothing but that, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          unpacked(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

function unpacked(bytes: Buffer): unknown {
  return unpack({ encoding: "msgpack", bytes });
}

/** vitest takes a field "constructor" for the constructor, and minutes for a large Buffer. */
function expectSame(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`expected ${inspect(expected)}, got ${inspect(actual)}`);
}
