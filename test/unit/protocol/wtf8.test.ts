import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readText, writeText } from "../../../src/protocol/wtf8.js";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.array(fc.constantFrom("\ud83d", "\ude00", "a", "é", "€", "\ufffd", "\ud83d\ude00")).map((parts) => parts.join("")),
);

describe("text", () => {
  test("is read as it was written, surrogates without a partner too", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = written(text);
        expect(readText(bytes, 1, bytes.length - 1)).toBe(text);
      }),
    );
  });

  test("is UTF-8 wherever it can be", () => {
    const text = "a é € \ud83d\ude00";
    expect(written(text).subarray(1, -1)).toEqual(Buffer.from(text));
  });

  test("in bytes that are neither is read as Node does", () => {
    for (const bytes of ["ff", "c3", "eda0", "ed9f", "efbfbd", "61edc080"]) {
      const buffer = Buffer.from(bytes, "hex");
      expect(readText(buffer, 0, buffer.length)).toBe(buffer.toString());
    }
  });
});

/** With a byte before and behind. */
function written(text: string): Buffer {
  const bytes = Buffer.alloc(Buffer.byteLength(text) + 2);
  expect(writeText(text, bytes, 1)).toBe(bytes.length - 2);
  return bytes;
}
