import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError, decode, EncodeError, encode, isEncodable } from "../../../src/worker/codec.js";

const pool = Buffer.from("0123456789abcdef".repeat(8));
const values: Record<string, unknown> = {
  undefined,
  null: null,
  "negative zero": -0,
  "not a number": Number.NaN,
  infinity: Number.NEGATIVE_INFINITY,
  bigint: 2n ** 70n,
  date: new Date(5),
  "invalid date": new Date(Number.NaN),
  regexp: /x/gi,
  map: new Map<unknown, unknown>([
    [1, 2],
    ["__proto__", { a: 1 }],
  ]),
  set: new Set([1, "1"]),
  "lone surrogates": ["\ud800x", `${"long ".repeat(50)}\udfff`],
  buffer: Buffer.from("bytes"),
  "part of a buffer": pool.subarray(8, 24),
  "array buffer": new Uint8Array([1, 2, 3]).buffer,
  "data view": new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  "sparse array": Object.assign(new Array(2), { 1: "second" }),
};

describe("what arrives as it was", () => {
  test.each(Object.entries(values))("%s", (_, value) => {
    expect(passed([value])).toStrictEqual([value]);
  });

  const kinds = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ];
  test.each(kinds.map((Kind) => [Kind.name, Kind] as const))("%s, with memory of its own", (_, Kind) => {
    const aligned = Uint8Array.from(pool).buffer;
    const view = new Kind(aligned, 16, 3);
    const arrived = passed({ view }) as { view: typeof view };
    expect(arrived.view).toStrictEqual(new Kind(aligned.slice(16, 16 + view.byteLength)));
    expect(arrived.view.buffer.byteLength).toBe(view.byteLength);
  });

  test("anything that JSON can say", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(passed(value)).toStrictEqual(value);
      }),
    );
  });

  test("circles, and one thing in two places", () => {
    const circle: Record<string, unknown> = { name: "circle" };
    circle.self = circle;
    const [one, other] = passed([circle, circle]) as [typeof circle, typeof circle];
    expect(one.self).toBe(one);
    expect(other).toBe(one);
  });

  test("objects without a prototype, and class instances, as plain objects", () => {
    class Point {
      readonly x = 1;
    }
    expect(passed([Object.assign(Object.create(null), { a: 1 }), new Point()])).toEqual([{ a: 1 }, { x: 1 }]);
  });
});

test("a key __proto__ arrives as a key, and changes no prototype", () => {
  const hostile = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
  const arrived = passed(hostile) as object;
  expect(Object.getPrototypeOf(arrived)).toBe(Object.prototype);
  expect(Object.keys(arrived)).toEqual(["__proto__", "constructor"]);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test("what has no clone is left out, as JSON leaves it out", () => {
  const data = { name: "ada", greet: () => "hello", [Symbol("s")]: 1, when: { toJSON: () => "now" } };
  expect(passed(data)).toEqual({ name: "ada", when: "now" });
});

describe("nesting", () => {
  const wraps = { objects: (inner: unknown) => ({ a: inner }), arrays: (inner: unknown) => [inner] };

  test.each(Object.entries(wraps))(
    "of %s: what is written can be read, and the rest is refused by the writer",
    (_, wrap) => {
      for (const depth of [64, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 5_000, 50_000]) {
        const value = nested(depth, wrap);
        if (isEncodable(value)) decode(encode(value));
        else expect(() => encode(value)).toThrow(EncodeError);
      }
      expect(isEncodable(nested(1_000, wrap))).toBe(true);
      expect(isEncodable(nested(50_000, wrap))).toBe(false);
    },
  );
});

test("a function, and a circle with one in it, cannot be sent", () => {
  const circle: Record<string, unknown> = { greet: () => "hello" };
  circle.self = circle;
  expect(() => encode(circle.greet)).toThrow(EncodeError);
  expect(() => encode(circle)).toThrow(EncodeError);
});

test("bytes that are no value throw DecodeError, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withHead) => {
      const head = withHead ? [0xff, 0x0f] : [];
      try {
        decode(Buffer.from([...head, ...bytes]));
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 2_000 },
  );
});

function passed(value: unknown): unknown {
  return decode(encode(value));
}

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}
