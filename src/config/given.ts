/**
 * What one place says about the settings, before anything is checked. Command line, environment and config file each give
 * one such layer, and load.ts lets the stronger win; layers know neither checks nor each other.
 */
import type { SettingKey } from "./table.js";

export interface Given {
  /** Text, or whatever JSON held. */
  readonly value: unknown;
  /** For people: "flag --port", "environment PORT", "file /etc/holdfast.json, key port". */
  readonly source: string;
  /** Relative paths in the value start here. */
  readonly directory: string;
}

export type Layer = ReadonlyMap<SettingKey, Given>;
