import fc from "fast-check";
import { expect, test } from "vitest";
import {
  apply,
  type Check,
  duration,
  existingFile,
  host,
  hostAndPort,
  listenTarget,
  listOf,
  oneOf,
  onOff,
  size,
  token,
  wholeNumber,
  wordOr,
} from "../../../src/config/check.js";

function read<Value>(check: Check<Value>, given: unknown): Value | undefined {
  const outcome = apply(check, given);
  return "value" in outcome ? outcome.value : undefined;
}

function problem(check: Check<unknown>, given: unknown): string | undefined {
  const outcome = apply(check, given);
  return "problem" in outcome ? outcome.problem : undefined;
}

const anyDuration = duration({ from: 0, to: 3_600_000 });
const anySize = size({ from: 0, to: 64 * 1024 ** 3 });

test.each([
  ["1500", 1_500],
  [1_500, 1_500],
  ["250ms", 250],
  ["10s", 10_000],
  ["2m", 120_000],
  ["0", 0],
])("a duration of %j is %d ms", (given, ms) => {
  expect(read(anyDuration, given)).toBe(ms);
});

test.each([
  ["16384", 16_384],
  [512, 512],
  ["16kb", 16_384],
  ["4MB", 4_194_304],
  ["1gb", 1_073_741_824],
])("a size of %j is %d bytes", (given, bytes) => {
  expect(read(anySize, given)).toBe(bytes);
});

test.each(["", " 5", "5 s", "1.5s", "-1", "1e3", "0x10", "5h", "ms", "ten", 1.5, Number.NaN, null, true, {}, [5]])(
  "%j is no duration",
  (given) => {
    expect(read(anyDuration, given)).toBeUndefined();
  },
);

test("what a number check writes, it reads again as the same", () => {
  for (const check of [anyDuration, anySize, wholeNumber({ from: 0, to: 3_600_000 })]) {
    fc.assert(fc.property(fc.nat(3_600_000), (value) => read(check, check.format(value)) === value));
  }
});

test("no text makes a number check throw, or give what is out of its range", () => {
  const check = duration({ from: 100, to: 5_000 });
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.jsonValue()), (given) => {
      const value = read(check, given);
      return value === undefined || (value >= 100 && value <= 5_000);
    }),
  );
});

test("a value out of range is refused with the range", () => {
  expect(problem(wholeNumber({ from: 1, to: 9 }), "10")).toBe("must be a whole number from 1 to 9");
  expect(problem(duration({ from: 2_000, to: 60_000 }), "1s")).toContain("from 2s to 1m");
  expect(problem(size({ from: 1_024, to: 1_048_576 }), "2mb")).toContain("from 1kb to 1mb");
});

test("one of several words, and nothing else", () => {
  expect(read(oneOf(["json", "pretty"]), "json")).toBe("json");
  expect(problem(oneOf(["json", "pretty"]), "JSON")).toBe("must be one of json, pretty");
});

test("a word or a number", () => {
  const check = wordOr("auto", wholeNumber({ from: 1, to: 4 }));
  expect(read(check, "auto")).toBe("auto");
  expect(read(check, "4")).toBe(4);
  expect(problem(check, "5")).toBe("must be auto, or a whole number from 1 to 4");
  expect([check.format("auto"), check.format(3)]).toEqual(["auto", "3"]);
});

test.each(["0.0.0.0", "127.0.0.1", "::", "::1", "fe80::1", "localhost", "a-b.example.org", "db_1"])(
  "%s is a host",
  (text) => {
    expect(read(host(), text)).toBe(text);
  },
);

test.each(["", "1.2.3", "999.1.1.1", "a b", "http://x", "[::1]", "a..b", "-a", "a/b", 5])("%j is no host", (given) => {
  expect(read(host(), given)).toBeUndefined();
});

test("host and port, an IPv6 address in brackets", () => {
  expect(read(hostAndPort(), "127.0.0.1:9464")).toEqual({ host: "127.0.0.1", port: 9_464, explicit: true });
  expect(read(hostAndPort(), "[::1]:0")).toEqual({ host: "::1", port: 0, explicit: true });
  expect(hostAndPort().format({ host: "::1", port: 5, explicit: true })).toBe("[::1]:5");
});

test.each(["9464", ":9464", "localhost", "localhost:", "localhost:x", "localhost:65536", "::1:80", "[x]:1", 9464])(
  "%j is no host and port",
  (given) => {
    expect(read(hostAndPort(), given)).toBeUndefined();
  },
);

test("a Unix socket's path, a descriptor, or an address", () => {
  expect(read(listenTarget(), "unix:/run/holdfast.sock")).toEqual({ unix: "/run/holdfast.sock" });
  expect(read(listenTarget(), "fd:3")).toEqual({ fd: 3 });
  expect(listenTarget().format({ unix: "/a:b" })).toBe("unix:/a:b");
  expect(listenTarget().format({ fd: 7 })).toBe("fd:7");
  expect(read(listenTarget(), "[::]:80")).toEqual({ host: "::", port: 80 });
  expect(read(listenTarget(), "localhost:0")).toEqual({ host: "localhost", port: 0 });
  expect(listenTarget().format({ host: "::1", port: 80 })).toBe("[::1]:80");
});

test.each([
  "",
  "unix:",
  "unix:a\0b",
  `unix:/${"x".repeat(107)}`,
  "fd:",
  "fd:2",
  "fd:-3",
  "fd:3x",
  "tcp:80",
  ":80",
  "::1:80",
  "a:65536",
  3,
])("%j is nothing to listen on", (given) => {
  expect(read(listenTarget(), given)).toBeUndefined();
});

test("a token is what fits into an HTTP header as it is", () => {
  expect(read(token(), "a-Z_9~!")).toBe("a-Z_9~!");
  for (const wrong of ["", "a b", "ä", "a\n"]) expect(read(token(), wrong)).toBeUndefined();
});

test("a module is a file that exists", () => {
  expect(read(existingFile("a module"), import.meta.filename)).toBe(import.meta.filename);
  expect(problem(existingFile("a module"), "/nowhere/app.js")).toBe("/nowhere/app.js does not exist");
  expect(problem(existingFile("a module"), import.meta.dirname)).toContain("is not a file");
  expect(problem(existingFile("a module"), "/dev/null/app.js")).toContain("cannot be read");
  expect(problem(existingFile("a module"), "")).toBe("must be the path of a module");
});

test.each([
  [true, true],
  ["on", true],
  ["TRUE", true],
  ["1", true],
  [false, false],
  ["off", false],
  ["false", false],
  ["0", false],
  ["yes", undefined],
  [1, undefined],
  ["", undefined],
])("a switch given as %j is %j", (given, value) => {
  expect(read(onOff(), given)).toBe(value);
});

test("a list checks each of its values, and has one at least", () => {
  const ports = listOf(wholeNumber({ from: 1, to: 9 }));
  expect(read(ports, ["1", 2])).toEqual([1, 2]);
  expect(ports.format([1, 2])).toBe("1,2");
  for (const wrong of [[], ["1", "10"], "1", [["1"]], null]) {
    expect(problem(ports, wrong)).toBe("must be a whole number from 1 to 9; several are allowed");
  }
});
