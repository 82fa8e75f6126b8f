/**
 * The environment as a source of settings: HOLDFAST_… for each row of the table, the names that other tools set, a
 * secret from the file that HOLDFAST_…_FILE names, and the sockets that systemd passes. HOST is never read: shells and
 * conda set it to the machine's name.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError } from "./error.js";
import type { Given, Layer } from "./given.js";
import { didYouMean, nearest } from "./nearest.js";
import { inheritedSockets } from "./socket-activation.js";
import { CONFIG_CONTROL, fileVariableOf, SETTING_ROWS, type Setting, type SettingKey, variableOf } from "./table.js";

export interface Environment {
  readonly layer: Layer;
  readonly configFile: string | undefined;
  /** What was not taken for a setting, though somebody may have meant it for one. */
  readonly warnings: readonly string[];
}

/** An empty variable counts as one that is not set. Throws ConfigError when a secret's file cannot be read. */
export function readEnvironment(env: NodeJS.ProcessEnv, directory: string): Environment {
  const layer = new Map<SettingKey, Given>();
  for (const [key, row] of SETTING_ROWS) {
    const given = readRow(row, env, directory);
    if (given !== undefined) layer.set(key, given);
  }
  const sockets = inheritedSockets(env, process.pid).map((fd) => `fd:${fd}`);
  if (sockets.length > 0 && !layer.has("listen")) {
    layer.set("listen", { value: sockets, source: "environment LISTEN_FDS", directory });
  }
  return {
    layer,
    configFile: env[variableOf(CONFIG_CONTROL)] || undefined,
    warnings: [...misspelt(env), ...serviceLinks(env)],
  };
}

/** The variables of secrets, which are the primary's alone. Not those that other programs go by, too, as an app may. */
export function secretVariables(): string[] {
  return SETTING_ROWS.flatMap(([, row]) => (fileVariableOf(row) ? ownVariables(row) : []));
}

function readRow(row: Setting, env: NodeJS.ProcessEnv, directory: string): Given | undefined {
  const fromFile = readSecret(row, env, directory);
  if (fromFile) return fromFile;
  for (const name of [variableOf(row), ...(row.commonVariables ?? [])]) {
    const value = env[name];
    if (value && !isServiceLink(value)) return { value, source: `environment ${name}`, directory };
  }
  return undefined;
}

function readSecret(row: Setting, env: NodeJS.ProcessEnv, directory: string): Given | undefined {
  const name = fileVariableOf(row);
  const path = name && env[name];
  if (!path) return undefined;
  if (env[variableOf(row)]) throw new ConfigError([`${name} and ${variableOf(row)} are both set: keep one`]);
  try {
    const value = readFileSync(resolve(directory, path), "utf8").replace(/\r?\n$/, "");
    return { value, source: `environment ${name}`, directory };
  } catch (cause) {
    const why = (cause as Error).message;
    throw new ConfigError([`${row.name}: the file named by environment ${name} cannot be read (${why})`], { cause });
  }
}

/** Kubernetes sets HOLDFAST_PORT=tcp://10.0.0.1:80 in every pod beside a Service called holdfast. */
function isServiceLink(value: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(value);
}

function serviceLinks(env: NodeJS.ProcessEnv): string[] {
  return SETTING_ROWS.map(([, row]) => variableOf(row))
    .filter((name) => isServiceLink(env[name] ?? ""))
    .map((name) => `${name}=${env[name]} is not a setting but a Kubernetes service link, and was ignored`);
}

/** Others may use the prefix too, so only what is close to one of our names is worth a word. */
function misspelt(env: NodeJS.ProcessEnv): string[] {
  const known = [...SETTING_ROWS.flatMap(([, row]) => ownVariables(row)), variableOf(CONFIG_CONTROL)];
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => ({ name, meant: nearestVariable(name, known) }))
    .filter(({ meant }) => meant !== undefined)
    .map(({ name, meant }) => `environment ${name} is not a setting, and was ignored${didYouMean(meant)}`);
}

const PREFIX = "HOLDFAST_";

function ownVariables(row: Setting): string[] {
  return [variableOf(row), fileVariableOf(row)].filter((name) => name !== undefined);
}

/** The prefix is left out of the comparison, or all names would look alike. */
function nearestVariable(name: string, known: readonly string[]): string | undefined {
  const bare = (variable: string) => variable.slice(PREFIX.length);
  const meant = nearest(bare(name), known.map(bare));
  return meant && PREFIX + meant;
}
