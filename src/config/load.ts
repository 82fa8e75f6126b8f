/**
 * Loads the settings: flags beat the environment, which beats the config file, which beats the defaults. What wins is
 * checked, all of it before anything is reported. Primary only, and called again at a reload, with the environment as it
 * was at the start.
 */

import { apply } from "./check.js";
import { parseCommandLine } from "./command-line.js";
import { contradictionsIn } from "./contradiction.js";
import { readEnvironment } from "./environment.js";
import { ConfigError } from "./error.js";
import { readConfigFile } from "./file.js";
import type { Given, Layer } from "./given.js";
import { checkedLine, type Origins, printedConfig } from "./print.js";
import { MASK } from "./secret.js";
import type { Settings } from "./settings.js";
import {
  CONFIG_CONTROL,
  defaultOf,
  flagOf,
  SETTING_ROWS,
  type Setting,
  type SettingKey,
  type Terminal,
  variableOf,
} from "./table.js";

export type Loaded =
  | {
      readonly kind: "run";
      readonly settings: Settings;
      /** To be logged: variables that look like settings but are none. */
      readonly warnings: readonly string[];
    }
  /** To be printed on stdout, before a clean exit. */
  | { readonly kind: "print"; readonly text: string };

/**
 * `argv` without node and the script. Throws UsageError (exit 2) and ConfigError (exit 78). Reads the files that it is
 * told to read, and `env`, which it leaves as it is: see socket-activation.ts.
 */
export function loadSettings(argv: readonly string[], env: NodeJS.ProcessEnv, terminal: Terminal): Loaded {
  const directory = process.cwd();
  const commandLine = parseCommandLine(argv, directory, terminal);
  if (commandLine.kind === "print") return commandLine;
  const environment = readEnvironment(env, directory);
  const file =
    commandLine.configFile !== undefined
      ? readConfigFile(commandLine.configFile, `flag ${flagOf(CONFIG_CONTROL)}`, directory)
      : fileOf(environment.configFile, directory);
  const { settings, origins } = resolveLayers([commandLine.layer, environment.layer, file], terminal);
  if (commandLine.printConfig) return { kind: "print", text: printedConfig(settings, origins, terminal) };
  if (commandLine.check) {
    const lines = environment.warnings.map((warning) => `warning: ${warning}\n`);
    return { kind: "print", text: lines.join("") + checkedLine(settings) };
  }
  return { kind: "run", settings, warnings: environment.warnings };
}

function fileOf(name: string | undefined, directory: string): Layer {
  return name ? readConfigFile(name, `environment ${variableOf(CONFIG_CONTROL)}`, directory) : new Map();
}

function resolveLayers(layers: readonly Layer[], terminal: Terminal): { settings: Settings; origins: Origins } {
  const entries: [SettingKey, unknown][] = [];
  const origins = new Map<SettingKey, string>();
  const problems: string[] = [];
  for (const [key, row] of SETTING_ROWS) {
    const given = strongest(key, layers);
    const outcome = given ? checkGiven(row, given) : { value: defaultOf(row, terminal) };
    if ("problem" in outcome) problems.push(outcome.problem);
    else if (outcome.value !== undefined) entries.push([key, deepFreeze(outcome.value)]);
    origins.set(key, given?.source ?? "default");
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const settings = Object.freeze(Object.fromEntries(entries)) as unknown as Settings;
  const contradictions = contradictionsIn(settings, origins);
  if (contradictions.length > 0) throw new ConfigError(contradictions);
  return { settings, origins };
}

/** `listen` stands instead of host and port, so a stronger source that names one of those puts it out of use. */
function strongest(key: SettingKey, layers: readonly Layer[]): Given | undefined {
  const layer = layers.find((each) => each.has(key) || (key === "listen" && (each.has("port") || each.has("host"))));
  return layer?.get(key);
}

function checkGiven(row: Setting, given: Given): { value: unknown } | { problem: string } {
  const { value, directory, source } = given;
  const values = row.separator ? itemsOf(value, row.separator) : value;
  const outcome = apply(
    row.check,
    eachText(values, (text) => (row.anchor && text !== "" ? row.anchor(text, directory) : text)),
  );
  if ("value" in outcome) return outcome;
  return { problem: `${row.name} is ${shown(row, value)} (${source}), but ${outcome.problem}` };
}

function shown(row: Setting, value: unknown): string {
  const text = JSON.stringify(value);
  return row.secret ? MASK : (row.redact?.(text) ?? text);
}

/** The flag has given a list already, and so may the file; each text in it may still hold several. */
function itemsOf(value: unknown, separator: RegExp): readonly unknown[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap((item) => (typeof item === "string" ? item.split(separator).filter(Boolean) : [item]));
}

function eachText(value: unknown, change: (text: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => eachText(item, change));
  return typeof value === "string" ? change(value) : value;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
