import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apply } from "../../../src/config/check.js";
import { settingsPage } from "../../../src/config/docs.js";
import { defaultOf, fileKeyOf, SETTING_ROWS, variableOf } from "../../../src/config/table.js";

const PAGE = new URL("../../../docs/settings.md", import.meta.url);

test("docs/settings.md is what the table says (npm run build && npm run docs)", () => {
  expect(readFileSync(PAGE, "utf8")).toBe(settingsPage());
});

test("no two settings share a name, a short flag or a variable", () => {
  const rows = SETTING_ROWS.map(([, row]) => row);
  for (const names of [
    rows.map(fileKeyOf),
    rows.flatMap((row) => row.short ?? []),
    rows.flatMap((row) => [variableOf(row), ...(row.commonVariables ?? [])]),
  ]) {
    expect(new Set(names).size).toBe(names.length);
  }
});

test.each(SETTING_ROWS.map(([, row]) => [row.name, row] as const))(
  "the default of %s passes its own check",
  (_, row) => {
    for (const isTTY of [true, false]) {
      const value = defaultOf(row, { isTTY });
      if (value !== undefined) expect(apply(row.check, row.check.format(value))).toHaveProperty("value");
    }
  },
);
