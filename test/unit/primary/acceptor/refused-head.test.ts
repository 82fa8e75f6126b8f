import { expect, test } from "vitest";
import { answerTo } from "../../../../src/primary/acceptor/refused-head.js";

const GOOD = "https://good.example";

function granted(...lines: string[]): boolean {
  const head = ["GET /socket.io/ HTTP/1.1", "Host: a", ...lines, "Accept: */*", "", ""].join("\r\n");
  return "Access-Control-Allow-Origin" in answerTo(Buffer.from(head, "latin1"), [GOOD]).headers;
}

test.each([`Origin: ${GOOD}`, `origin:${GOOD}`, `ORIGIN: \t${GOOD} \t`])("%j may be told why", (line) => {
  expect(granted(line)).toBe(true);
});

test.each([
  ["another origin", ["Origin: https://evil.example"]],
  ["two", ["Origin: https://evil.example", `Origin: ${GOOD}`]],
  ["the same twice", [`Origin: ${GOOD}`, `Origin: ${GOOD}`]],
  ["one that is folded", [`Origin: ${GOOD}`, " .evil.example"]],
  ["one within another field that is folded", ["X: a", ` Origin: ${GOOD}`]],
  ["one behind a bare line feed", [`X: a\nOrigin: ${GOOD}`]],
  ["one behind a bare CR", [`X: a\rOrigin: ${GOOD}`]],
  ["a space before its colon", [`Origin : ${GOOD}`]],
  ["a blank that is none of HTTP's", [`Origin: ${GOOD}\xa0`]],
  ["a line without a colon", [`Origin: ${GOOD}`, "x"]],
  ["a name of an object's own", [`__proto__: ${GOOD}`]],
])("%s is told nothing", (_, lines) => {
  expect(granted(...lines)).toBe(false);
});

test("a head full of blanks is read in no time", () => {
  // A pattern that tries each of them again would take minutes, and the test with it.
  expect(granted(`X: ${" ".repeat(200_000)}x`, `Origin: ${GOOD}`)).toBe(true);
});
