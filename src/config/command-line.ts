/**
 * The command line: commander splits it, the table says which flags there are. What it gives are texts, checked later
 * like those of the other sources; only the form of the line itself is judged here.
 */
import { type Command, CommanderError } from "commander";
import { describeCommand } from "./command.js";
import { UsageError } from "./error.js";
import type { Given, Layer } from "./given.js";
import { didYouMean, nearest } from "./nearest.js";
import {
  CHECK_CONTROL,
  CONFIG_CONTROL,
  fileKeyOf,
  flagOf,
  HELP_CONTROL,
  PRINT_CONTROL,
  SETTING_ROWS,
  type SettingKey,
  type Terminal,
} from "./table.js";

export type CommandLine =
  | { readonly kind: "print"; readonly text: string }
  | {
      readonly kind: "load";
      readonly layer: Layer;
      readonly configFile: string | undefined;
      readonly check: boolean;
      readonly printConfig: boolean;
    };

/** Throws UsageError. `directory` is where relative paths start. */
export function parseCommandLine(argv: readonly string[], directory: string, terminal: Terminal): CommandLine {
  const printed: string[] = [];
  const command = describeCommand(terminal).configureOutput({
    writeOut: (text) => printed.push(text),
    writeErr: () => {},
    // Whoever wants no colours has been given a painter without any.
    getOutHasColors: () => true,
  });
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "print", text: printed.join("") };
    throw usageError(error.message.replace(/^error: /, ""), error);
  }
  refuseStrangers(command);
  return load(command, directory);
}

/** Flags that do not exist, and arguments beyond the app, in the order in which they were written. */
function refuseStrangers(command: Command): void {
  const flag = command.args.find((argument) => /^-./.test(argument))?.replace(/=.*$/s, "");
  if (flag !== undefined) {
    const name = flag.replace(/^-+/, "");
    const names = [...command.options.map((option) => option.name()), HELP_CONTROL.name];
    if (names.includes(name)) throw usageError(`option ${flag} takes no value`);
    const meant = nearest(name, names);
    throw usageError(`unknown option ${flag}${didYouMean(meant && `--${meant}`)}`);
  }
  const extra = command.args[1];
  if (extra !== undefined) throw usageError(`unexpected argument ${JSON.stringify(extra)}: one app at most`);
}

function usageError(message: string, cause?: Error): UsageError {
  return new UsageError(`${message}\nholdfast --help shows all options.`, { cause });
}

function load(command: Command, directory: string): CommandLine {
  const values = command.opts<Record<string, unknown>>();
  const layer = new Map<SettingKey, Given>();
  for (const [key, row] of SETTING_ROWS) {
    const value = key === "app" ? command.args[0] : values[fileKeyOf(row)];
    const source = key === "app" ? `argument ${flagOf(row)}` : `flag ${flagOf(row)}`;
    if (value !== undefined) layer.set(key, { value, source, directory });
  }
  return {
    kind: "load",
    layer,
    configFile: values[fileKeyOf(CONFIG_CONTROL)] as string | undefined,
    check: values[fileKeyOf(CHECK_CONTROL)] === true,
    printConfig: values[fileKeyOf(PRINT_CONTROL)] === true,
  };
}
