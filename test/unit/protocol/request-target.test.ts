import fc from "fast-check";
import { expect, test } from "vitest";
import { queryOf, sessionIdOf } from "../../../src/protocol/request-target.js";

test.each([
  ["/socket.io/?EIO=4&sid=a", "a"],
  ["/?xsid=b&sid=a", "a"],
  ["/?sid=b&sid=a", "a"],
  ["/?s%69d=a", "a"],
  ["/?%73%69%64=a", "a"],
  ["/?sid=%61", "a"],
  ["/?sid=a+b", "a b"],
  ["/?sid=%2D", "-"],
  ["http://elsewhere.example/?sid=a", "a"],
  ["*?sid=a", "a"],
])("%s is of the session %s", (target, sid) => {
  expect(sessionIdOf(target)).toBe(sid);
});

test.each([
  "/",
  "/sid=a",
  "/?xsid=a",
  "/?sid=",
  "/?sid=a&sid=",
  "/?SID=a",
  "/#?sid=a",
  "/?a=b#&sid=a",
  "/?sid",
  "/?a=sid",
  "//",
  "http://[/?sid=a",
  "*",
])("%s is of no session", (target) => {
  expect(sessionIdOf(target)).toBeUndefined();
});

test("names that objects have of their own are names like any other", () => {
  const query = queryOf("/?__proto__=a&constructor=b&sid=__proto__");
  expect(Object.keys(query ?? {})).toEqual(["__proto__", "constructor", "sid"]);
  expect(Object.getPrototypeOf(query)).toBe(Object.prototype);
  expect(({} as { a?: unknown }).a).toBeUndefined();
});

test("the short way gives what the long way gives", () => {
  const piece = fc.constantFrom("sid", "s%69d", "=", "&", "?", "#", "a", "%", "%2", "%26", "+", ";", "/", "x");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const target = `/${pieces.join("")}`;
      expect(sessionIdOf(target)).toBe(queryOf(target)?.sid || undefined);
    }),
    { numRuns: 5_000 },
  );
});
