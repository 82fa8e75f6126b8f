import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));
const MAX_LINES = 400;
const LOADS_REDIS = "primary/uplink/redis/connect.ts";

interface Import {
  readonly from: string;
  /** A path below src/, or the name of a package or of a module of Node's. */
  readonly to: string;
  readonly typeOnly: boolean;
}

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map(sourceOf);

describe("who may import whom", () => {
  // What lies in primary/ itself wires the parts, as primary.ts does: it may know them, they do not know it.
  test("the primary's parts know themselves, the protocol, the log and the types of the settings", () => {
    const allowed = ({ from, to, typeOnly }: Import) =>
      isIn(to, partOf(from), "protocol/", "log/") || (typeOnly && isIn(to, "config/"));
    expect(outside(importsOfParts(), allowed)).toEqual([]);
  });

  test("the primary knows nothing of the worker and the chat", () => {
    const wrong = importsOf("primary").filter(({ to }) => isIn(to, "worker", "chat/"));
    expect(wrong.map(show)).toEqual([]);
  });

  test("the worker sees itself, the protocol, the log and the chat it serves, nothing else of src", () => {
    const allowed = ({ to }: Import) => isIn(to, "worker/", "protocol/", "log/", "chat/");
    expect(outside(importsOf("worker"), allowed)).toEqual([]);
  });

  test("the protocol imports Node and itself", () => {
    const wrong = importsOf("protocol/").filter(({ to }) => !isIn(to, "protocol/", "node:"));
    expect(wrong.map(show)).toEqual([]);
  });

  test.each(["config/", "log/", "chat/"])("%s knows neither process", (directory) => {
    const wrong = importsOf(directory).filter(({ to }) => isIn(to, "primary", "worker"));
    expect(wrong.map(show)).toEqual([]);
  });

  test("the checks of settings are loaded in the primary alone", () => {
    const wrong = allImports().filter(({ from, to }) => ["zod", "commander"].includes(to) && !isIn(from, "config/"));
    expect(wrong.map(show)).toEqual([]);
  });

  // 24 MB, and most hosts are alone.
  test("Redis' client is loaded by one file, when Redis is configured", () => {
    const wrong = allImports().filter(
      ({ from, to, typeOnly }) => to === "ioredis" && !typeOnly && from !== LOADS_REDIS,
    );
    expect(wrong.map(show)).toEqual([]);
    const loader = sources.find(({ path }) => path === LOADS_REDIS);
    expect(loader?.text).toMatch(/await import\("ioredis"\)/);
    expect(loader?.text).not.toMatch(/^import (?!type)[^;]*"ioredis"/m);
  });

  test("the primary loads nothing that reads messages", () => {
    const wrong = importsOf("primary").filter(
      ({ to, typeOnly }) => /^(socket\.io|engine\.io|msgpackr|ws$)/.test(to) && !typeOnly,
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test("no import leads back to where it came from", () => {
    expect(cycles()).toEqual([]);
  });
});

describe("files", () => {
  test("none only passes on what others export", () => {
    expect(paths(({ text }) => isBarrel(text))).toEqual([]);
  });

  test("none has a name that says nothing", () => {
    expect(paths(({ path }) => /(^|[/-])(utils?|helpers?|common|managers?|misc|index)([.-]|\/)/.test(path))).toEqual(
      [],
    );
  });

  test("names are in kebab case", () => {
    expect(paths(({ path }) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(path))).toEqual([]);
  });

  test(`none has ${MAX_LINES} lines`, () => {
    expect(paths(({ text }) => text.split("\n").length > MAX_LINES)).toEqual([]);
  });
});

describe("these rules", () => {
  test("read real files and see what they import", () => {
    expect(importsOfParts().length).toBeGreaterThan(10);
    expect(partOf("primary/switch/link.ts")).toBe("primary/switch/");
    expect(allImports().some(({ to }) => to === "protocol/frame.ts")).toBe(true);
  });

  test("see imports, dynamic imports and exports, and tell types", () => {
    const text = `
      import { a } from "./a.js";
      import type { B } from "../b.js";
      import { type C, type D } from "zod";
      import "node:fs";
      export { e } from "./e.js";
      const f = await import("../f/f.js");
      // import { no } from "./no.js";
    `;
    const found = importsIn("worker/x.ts", text).map(({ to, typeOnly }) => [to, typeOnly]);
    expect(found).toEqual([
      ["worker/a.ts", false],
      ["b.ts", true],
      ["zod", true],
      ["node:fs", false],
      ["worker/e.ts", false],
      ["f/f.ts", false],
    ]);
  });

  test("know a barrel from a file with something of its own", () => {
    expect(isBarrel('// all\nexport * from "./a.js";\nexport { type B } from "./b.js";\n')).toBe(true);
    expect(isBarrel('export * from "./a.js";\nexport const b = 1;\n')).toBe(false);
  });
});

function sourceOf(path: string): Source {
  const text = readFileSync(join(SRC, path), "utf8");
  return { path, text, imports: importsIn(path, text) };
}

function importsIn(from: string, text: string): Import[] {
  const statement =
    /(?:^|[\s;])(?:import|export)\s+(type\s+)?([\w*{][^"';]*?\sfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;
  return [...withoutComments(text).matchAll(statement)].map(([, type, what = "", name, dynamic]) => ({
    from,
    to: target(from, (name ?? dynamic) as string),
    typeOnly: type !== undefined || namesTypesOnly(what),
  }));
}

function namesTypesOnly(what: string): boolean {
  const names = /^\{(.*)\}/s.exec(what)?.[1];
  return names?.split(",").every((name) => /^\s*(type\s|$)/.test(name)) ?? false;
}

function target(from: string, name: string): string {
  if (!name.startsWith(".")) return name;
  return posix.join(dirname(from), name).replace(/\.js$/, ".ts");
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function isBarrel(text: string): boolean {
  const rest = withoutComments(text).replace(
    /export\s+(type\s+)?(\*(\s+as\s+\w+)?|\{[^}]*\})\s*from\s*["'][^"']+["'];?/g,
    "",
  );
  return /export/.test(text) && rest.trim() === "";
}

function allImports(): Import[] {
  return sources.flatMap(({ imports }) => imports);
}

/** Of all files whose path begins so: "primary" is the directory and the entry. */
function importsOf(prefix: string): Import[] {
  return allImports().filter(({ from }) => from.startsWith(prefix));
}

function isIn(path: string, ...prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => path.startsWith(prefix));
}

function importsOfParts(): Import[] {
  return importsOf("primary/").filter(({ from }) => dirname(from) !== "primary");
}

/** `primary/switch/link.ts` is of the part `primary/switch/`. */
function partOf(path: string): string {
  return `${path.split("/").slice(0, 2).join("/")}/`;
}

/** Imports of our own files that are not allowed. */
function outside(imports: readonly Import[], allowed: (one: Import) => boolean): string[] {
  const ours = new Set(sources.map(({ path }) => path));
  return imports.filter((one) => ours.has(one.to) && !allowed(one)).map(show);
}

function paths(wrong: (source: Source) => boolean): string[] {
  return sources.filter(wrong).map(({ path }) => path);
}

function show({ from, to }: Import): string {
  return `${from} → ${to}`;
}

/** Each cycle once, as the way around. */
function cycles(): string[] {
  const graph = new Map(sources.map(({ path, imports }) => [path, imports.map(({ to }) => to)]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: readonly string[]) => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(" → "));
    if (done.has(path) || way.includes(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}
