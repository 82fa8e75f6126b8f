import { expect, test } from "vitest";
import { parseCommandLine } from "../../../src/config/command-line.js";
import { UsageError } from "../../../src/config/error.js";
import { SETTING_ROWS } from "../../../src/config/table.js";
import { VERSION } from "../../../src/config/version.js";

function parse(...argv: string[]) {
  return parseCommandLine(argv, "/", { isTTY: false });
}

function printed(argv: string[], terminal: Parameters<typeof parseCommandLine>[2] = { isTTY: false }): string {
  const line = parseCommandLine(argv, "/", terminal);
  return line.kind === "print" ? line.text : "";
}

function refused(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (error instanceof UsageError && error.exitCode === 2) return error.message;
    throw error;
  }
  return "";
}

test.each([
  ["--worker", "--workers"],
  ["--wrokers=3", "--workers"],
  ["--drain-timout", "--drain-timeout"],
  ["--hlep", "--help"],
])("%s is refused, and %s is named", (wrong, meant) => {
  expect(refused(wrong)).toContain(`unknown option ${wrong.split("=")[0]} (did you mean ${meant}?)`);
});

test("an unknown flag like no other is refused without a guess", () => {
  expect(refused("--rediz-thing", "redis://x")).toMatch(/^unknown option --rediz-thing\n/);
  expect(refused("--foo")).toMatch(/^unknown option --foo\n/);
  expect(refused("-x")).toMatch(/^unknown option -x\n/);
});

test("the value of an unknown flag, which may be a secret, is not repeated", () => {
  expect(refused("--manage-tokn=hunter2")).not.toContain("hunter2");
});

test("a second app and a flag without its value are refused", () => {
  expect(refused("a.js", "b.js")).toContain('unexpected argument "b.js"');
  expect(refused("--port")).toContain("--port");
});

test("help wins over what else is wrong", () => {
  expect(printed(["--help", "--nonsense"])).toContain("Usage: holdfast [APP] [options]");
  expect(printed(["-h"])).toBe(printed(["--help"]));
});

test("help names every setting and its default, and keeps to 100 columns", () => {
  const text = printed(["--help"], { isTTY: true, columns: 200 });
  for (const [key, { name }] of SETTING_ROWS) expect(text).toContain(key === "app" ? "APP" : `--${name} `);
  expect(text).toContain("(default 10s)");
  expect(text).toContain("also WEB_CONCURRENCY");
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
});

test("help fits a narrow terminal", () => {
  const text = printed(["--help"], { isTTY: true, columns: 80 });
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("help has colours only where they are wanted", () => {
  expect(printed(["--help"], { isTTY: true, hasColors: () => true })).toContain("\x1b[1mWorkers:");
  expect(printed(["--help"], { isTTY: true, hasColors: () => false })).not.toContain("\x1b");
  expect(printed(["--help"], { isTTY: false, hasColors: () => true })).not.toContain("\x1b");
});

test("--version prints the package's version", () => {
  expect(printed(["--version"])).toBe(`${VERSION}\n`);
  expect(VERSION).toMatch(/^\d+\.\d+\.\d+/);
});

test("what is behind -- is the app", () => {
  const line = parse("--", "app.js");
  expect(line.kind === "load" && line.layer.get("app")?.value).toBe("app.js");
});
