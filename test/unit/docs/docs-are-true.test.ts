import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Without comments, which may hold examples. */
function sourceText(): string {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".ts"))
    .map((file) => read(join("src", file)).replace(/^\s*(\/?\*|\/\/).*$/gm, ""))
    .join("\n");
}

function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name as string))].sort();
}

/** The rows of a table under a heading, by the words in code style in their first column. */
function tableNames(text: string, heading: string): string[] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const cells = section.split("\n").map((line) => /^\| (`[^|]+) \|/.exec(line)?.[1] ?? "");
  return found(cells.join("\n"), /`([^`]+)`/g);
}

test("docs/operating.md lists the events of the log, all of them and no other", () => {
  const logged = found(sourceText(), /(?:\{ event: |about\(worker, |#decline\()"([a-z-]+)"/g);
  expect(tableNames(read("docs/operating.md"), "Log")).toEqual(logged);
});

test("docs/errors.md has each code, and no other", () => {
  const thrown = found(sourceText(), /readonly code = "(HOLDFAST_\w+)"/g);
  expect(found(read("docs/errors.md"), /^### `(HOLDFAST_\w+)`/gm)).toEqual(thrown);
});

test("every file that the docs link to is there", () => {
  const documents = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)];
  const missing = documents.flatMap((document) =>
    found(read(document), /\]\((?!https?:|#)([^)#\s]+)/g)
      .filter((target) => !existsSync(join(ROOT, dirname(document), target)))
      .map((target) => `${document}: ${target}`),
  );
  expect(missing).toEqual([]);
});

test("every flag that the docs name is a setting, or asks for a print", () => {
  const text = ["README.md", "docs/operating.md", "docs/architecture.md", "docs/errors.md"].map(read).join("\n");
  const known = found(read("docs/settings.md"), /(--[a-z-]+)/g);
  const others = ["--version", "--help", "--now"];
  expect(found(text, /[\s`(](--[a-z][a-z-]+)/g).filter((flag) => ![...known, ...others].includes(flag))).toEqual([]);
});
