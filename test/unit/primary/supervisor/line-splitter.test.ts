import fc from "fast-check";
import { expect, test } from "vitest";
import { LineSplitter, MAX_LINE_BYTES } from "../../../../src/primary/supervisor/line-splitter.js";

test("lines come out whole, wherever the bytes were cut", () => {
  const lines = fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", " ")));
  fc.assert(
    fc.property(lines, fc.array(fc.nat(64)), (expected, cuts) => {
      const bytes = Buffer.from(expected.map((line) => `${line}\n`).join(""));
      const splitter = new LineSplitter();
      expect(chunks(bytes, cuts).flatMap((chunk) => splitter.push(chunk))).toEqual(expected);
    }),
  );
});

test("a line that does not end is refused before it fills the memory", () => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(MAX_LINE_BYTES, "x");
  expect(splitter.push(chunk)).toEqual([]);
  expect(() => splitter.push(chunk)).toThrow(RangeError);
});

function chunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...pieces, bytes.subarray(at)];
}
