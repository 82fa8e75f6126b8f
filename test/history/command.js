#!/usr/bin/env node
// `npm run history -- --minutes 30 --seed 7`
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "4" }, seed: { type: "string", default: "1" } },
});
const { status } = spawnSync("npx", ["vitest", "run", "--project", "long", "test/long/history.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, HISTORY_MINUTES: values.minutes, HISTORY_SEED: values.seed },
});
process.exitCode = status ?? 1;
