/**
 * What `--print-config` and `--check` print: the settings as they would be given, with their sources, secrets masked.
 */
import { painter } from "../log/paint.js";
import { MASK } from "./secret.js";
import type { Settings } from "./settings.js";
import {
  fileKeyOf,
  GROUPS,
  type Group,
  rowsOf,
  SETTINGS,
  type Setting,
  type SettingKey,
  type Terminal,
} from "./table.js";

/** Where each value came from. */
export type Origins = ReadonlyMap<SettingKey, string>;

interface Line {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

export function printedConfig(settings: Settings, origins: Origins, terminal: Terminal): string {
  const groups = GROUPS.map((group) => ({ group, lines: linesOf(group, settings, origins) }));
  const lines = groups.flatMap((each) => each.lines);
  const nameWidth = Math.max(...lines.map((line) => line.name.length));
  const valueWidth = Math.max(...lines.map((line) => line.value.length));
  const paint = painter(terminal);
  const print = ({ name, value, origin }: Line) => {
    const isDefault = origin === "default";
    const text = `  ${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  `;
    return isDefault ? text + paint("dim", origin) : paint("bold", text) + origin;
  };
  return `${groups.map(({ group, lines }) => [paint("bold", group), ...lines.map(print)].join("\n")).join("\n\n")}\n`;
}

export function checkedLine(settings: Settings): string {
  const { host, port, listen = [{ host, port }] } = settings;
  const address = SETTINGS.listen.check.format(listen);
  return `The configuration is good: ${settings.app ?? SETTINGS.app.defaultText} with ${settings.workers} workers on ${address}.\n`;
}

function linesOf(group: Group, settings: Settings, origins: Origins): Line[] {
  return rowsOf(group).map(([key, row]) => ({
    name: fileKeyOf(row),
    value: shown(row, settings[key]),
    origin: origins.get(key) ?? "default",
  }));
}

function shown(row: Setting, value: unknown): string {
  if (value === undefined) return row.defaultText ?? "not set";
  return row.secret ? MASK : row.check.format(value);
}
