import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError } from "../../../src/config/error.js";
import { readConfigFile } from "../../../src/config/file.js";

const directory = mkdtempSync(join(tmpdir(), "holdfast-file-"));
const path = join(directory, "config.json");
afterAll(() => rmSync(directory, { recursive: true }));

function readText(text: string) {
  writeFileSync(path, text);
  return readConfigFile("config.json", "flag --config", directory);
}

function refused(text: string): string {
  try {
    readText(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

test("values keep their JSON type and know where they stand", () => {
  expect(readText('{ "port": 80, "max-header": "1kb" }')).toEqual(
    new Map([
      ["port", { value: 80, source: `file ${path}, key port`, directory }],
      ["maxHeaderBytes", { value: "1kb", source: `file ${path}, key max-header`, directory }],
    ]),
  );
});

test("a byte order mark is no error", () => {
  expect(readText('\uFEFF{ "port": 80 }').size).toBe(1);
});

test("an unknown key is refused with the nearest, and all of them at once", () => {
  const message = refused('{ "wokers": 1, "__proto__": 2, "port": 3 }');
  expect(message).toContain(`unknown key "wokers" in file ${path} (did you mean workers?)`);
  expect(message).toContain('unknown key "__proto__"');
});

test("one key in both spellings is refused", () => {
  expect(refused('{ "logLevel": "info", "log-level": "warn" }')).toContain("stands twice");
});

test.each(["[]", "null", "5", '"x"'])("%s is no config", (text) => {
  expect(refused(text)).toBe(`config: ${path} must hold one JSON object`);
});

test("a file that is not JSON is refused with the line, and without what stands in it", () => {
  expect(refused('{\n  "port": 80,\n}')).toContain(`${path} is not JSON`);
  expect(refused('{\n  "port": 80,\n}')).toContain("in line 3");
  for (const text of [
    '{"manageToken": hunter2}',
    '{"manageToken": "hunter2}',
    '{"manageToken": "hunter2", x}',
    "hunter2",
  ]) {
    expect(refused(text)).toContain("is not JSON");
    expect(refused(text)).not.toContain("unter2");
  }
});

test("a file that is not there is told with its path and who named it", () => {
  expect(() => readConfigFile("none.json", "environment HOLDFAST_CONFIG", directory)).toThrow(
    new RegExp(`^config: ${directory}/none.json \\(environment HOLDFAST_CONFIG\\) cannot be read \\(ENOENT`),
  );
});
