/** The version in package.json, which stands two directories up both from src/config and from dist/config. */
import { readFileSync } from "node:fs";

export const VERSION = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
