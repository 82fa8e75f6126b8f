/**
 * The command line as commander wants it described, made from the table: its options, and how `--help` looks. What is
 * given is judged elsewhere, so commander knows of no defaults, variables or checks.
 */
import { Command, Help, Option } from "commander";
import { type Paint, painter } from "../log/paint.js";
import {
  CHECK_CONTROL,
  CONFIG_CONTROL,
  type Control,
  defaultTextOf,
  HELP_CONTROL,
  PRINT_CONTROL,
  SETTING_ROWS,
  SETTINGS,
  type Setting,
  type Terminal,
  VERSION_CONTROL,
} from "./table.js";
import { VERSION } from "./version.js";

const WIDEST_HELP = 100;

export function describeCommand(terminal: Terminal): Command {
  const { placeholder } = SETTINGS.app;
  const paint = painter(terminal);
  const helpWidth = Math.min(terminal.columns ?? WIDEST_HELP, WIDEST_HELP);
  const command = new Command("holdfast")
    .usage(`[${placeholder}] [options]`)
    .argument(`[${placeholder}]`, describe(SETTINGS.app, paint))
    .exitOverride()
    // Strangers are refused by our own rules, so that a value behind "=", which may be a secret, is not repeated.
    .allowUnknownOption()
    .allowExcessArguments()
    .configureHelp({ helpWidth, optionTerm: alignedTerm, styleTitle: (title) => paint("bold", title) })
    .addHelpText(
      "before",
      `${paint("bold", `holdfast ${VERSION}`)} runs a Socket.IO application on every core of a host.\n`,
    )
    .addHelpText("after", `\n${new Help().boxWrap(CLOSING_WORDS, helpWidth)}`);
  for (const [key, row] of SETTING_ROWS) if (key !== "app") addSetting(command, row, paint);
  return addControls(command);
}

function addControls(command: Command): Command {
  const group = "Configuration:";
  for (const control of [CONFIG_CONTROL, CHECK_CONTROL, PRINT_CONTROL]) {
    command.addOption(new Option(flagsOf(control), control.doc).helpGroup(group));
  }
  return command
    .optionsGroup(group)
    .version(VERSION, flagsOf(VERSION_CONTROL), VERSION_CONTROL.doc)
    .addHelpOption(new Option(flagsOf(HELP_CONTROL), HELP_CONTROL.doc).helpGroup(group));
}

function addSetting(command: Command, row: Setting, paint: Paint): void {
  const option = new Option(flagsOf(row), describe(row, paint)).helpGroup(`${row.group}:`);
  if (row.separator) option.argParser((value, before?: string[]) => [...(before ?? []), value]);
  command.addOption(option.conflicts([...(row.conflicts ?? [])]));
  if (row.placeholder === undefined) command.addOption(new Option(`--no-${row.name}`).hideHelp());
}

function describe(row: Setting, paint: Paint): string {
  const normally = defaultTextOf(row);
  const notes = [
    ...(row.separator ? ["may be repeated"] : []),
    ...(normally ? [`default ${normally}`] : []),
    ...(row.commonVariables ?? []).map((name) => `also ${name}`),
  ];
  return notes.length === 0 ? row.doc : `${row.doc} ${paint("dim", `(${notes.join("; ")})`)}`;
}

function flagsOf({ name, short, placeholder }: Control): string {
  return `${short ? `-${short}, ` : ""}--${name}${placeholder ? ` <${placeholder}>` : ""}`;
}

/** Long names stand below each other, whether or not there is a short one. */
function alignedTerm(option: Option): string {
  const term = Help.prototype.optionTerm(option).replace(/<(.*)>/, "$1");
  return option.short ? term : `    ${term}`;
}

const CLOSING_WORDS = [
  "A setting may also come from the environment (--drain-timeout is HOLDFAST_DRAIN_TIMEOUT) or from the config file",
  '("drainTimeout"); flags beat the environment, which beats the file. TIME is a number of ms, or one with ms, s or m;',
  "SIZE is a number of bytes, or one with kb, mb or gb.",
].join(" ");
