import { expect, test } from "vitest";
import { ConfigError } from "../../../src/config/error.js";
import { loadSettings } from "../../../src/config/load.js";
import { fileKeyOf, SETTING_ROWS } from "../../../src/config/table.js";

function printed(argv: string[], env: NodeJS.ProcessEnv = {}): string {
  const loaded = loadSettings(argv, env, { isTTY: false });
  return loaded.kind === "print" ? loaded.text : "";
}

function columns(text: string, name: string): string[] {
  const line = text.split("\n").find((each) => each.trim().startsWith(`${name} `)) ?? "";
  return line.trim().split(/ {2,}/);
}

test("--print-config shows every setting with its source", () => {
  const text = printed(["--print-config", "--manage", "[::1]:1", "--drain-timeout", "60000"], { PORT: "80" });
  for (const [, row] of SETTING_ROWS) expect(columns(text, fileKeyOf(row))).toHaveLength(3);
  expect(columns(text, "port")).toEqual(["port", "80", "environment PORT"]);
  expect(columns(text, "manage")).toEqual(["manage", "[::1]:1", "flag --manage"]);
  expect(columns(text, "drainTimeout")).toEqual(["drainTimeout", "1m", "flag --drain-timeout"]);
  expect(columns(text, "app")).toEqual(["app", "the built-in chat", "default"]);
});

test("--print-config masks secrets", () => {
  const text = printed(["--print-config"], { HOLDFAST_MANAGE_TOKEN: "hunter2" });
  expect(columns(text, "manageToken")).toEqual(["manageToken", "********", "environment HOLDFAST_MANAGE_TOKEN"]);
  expect(text).not.toContain("hunter2");
});

test("--check says in one line what would run", () => {
  expect(printed(["--check", "-p", "80", "-w", "2", "--host", "::"])).toBe(
    "The configuration is good: the built-in chat with 2 workers on [::]:80.\n",
  );
  expect(printed(["--check", "--listen", "unix:/run/x.sock"])).toContain("auto workers on unix:/run/x.sock.\n");
});

test("--check and --print-config refuse what a start would refuse", () => {
  for (const flag of ["--check", "--print-config"]) {
    expect(() => printed([flag, "--port", "x"])).toThrow(ConfigError);
    expect(() => printed([flag, "missing.js"])).toThrow(/does not exist/);
  }
});
