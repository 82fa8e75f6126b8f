/**
 * The config file: one JSON object, its keys the flags' names, in camelCase or as they are. Numbers and strings mean what
 * they mean behind a flag; relative paths start at the file. It repeats nothing of the file in its errors but keys.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "./error.js";
import type { Given, Layer } from "./given.js";
import { didYouMean, nearest } from "./nearest.js";
import { fileKeyOf, SETTING_ROWS, type SettingKey } from "./table.js";

/** Throws ConfigError. `source` says who named the file. */
export function readConfigFile(name: string, source: string, directory: string): Layer {
  const path = resolve(directory, name);
  const layer = new Map<SettingKey, Given>();
  const problems: string[] = [];
  for (const [fileKey, value] of Object.entries(parse(read(path, source), path))) {
    const key = KEYS.get(fileKey);
    if (key === undefined) problems.push(unknownKey(fileKey, path));
    else if (layer.has(key)) problems.push(`${fileKey} stands twice in file ${path}, in both spellings`);
    else layer.set(key, { value, source: `file ${path}, key ${fileKey}`, directory: dirname(path) });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return layer;
}

const KEYS = new Map(
  SETTING_ROWS.flatMap(([key, row]): [string, SettingKey][] => [
    [fileKeyOf(row), key],
    [row.name, key],
  ]),
);

function unknownKey(key: string, path: string): string {
  return `unknown key ${JSON.stringify(key)} in file ${path}${didYouMean(nearest(key, KEYS.keys()))}`;
}

function read(path: string, source: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError([`config: ${path} (${source}) cannot be read (${(cause as Error).message})`], { cause });
  }
}

function parse(text: string, path: string): object {
  const content = parseJson(text.replace(/^\uFEFF/, ""), path);
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return content;
  throw new ConfigError([`config: ${path} must hold one JSON object`]);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError([`config: ${path} is not JSON: ${whatAndWhere((error as Error).message, text)}`]);
  }
}

/** V8 quotes what stands around the error, which may be a secret; the line it may have told is enough. */
function whatAndWhere(message: string, text: string): string {
  const what = message.replace(/,? *(\.\.\.)?".*$| in JSON at position.*$/s, "");
  const position = /at position (\d+)/.exec(message)?.[1];
  return position ? `${what} in line ${text.slice(0, Number(position)).split("\n").length}` : what;
}
