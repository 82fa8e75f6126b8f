/**
 * `npm run bench`: measures Holdfast beside the public recipe and Node's own cluster, in alternation, and prints medians
 * and ratios. Wires options, cases and reports; see docs/benchmarks.md for what is measured and why.
 */
import { writeFileSync } from "node:fs";
import { cases } from "./case/list.js";
import { OptionError, readOptions } from "./option.js";
import { jsonReport } from "./report/json.js";
import { markdownReport } from "./report/markdown.js";
import { textReport } from "./report/text.js";
import { runCase } from "./round.js";
import { summarize } from "./summary.js";

// An exit by signal would leave the side that runs behind.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

try {
  await main();
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), cases);
  const summaries = [];
  for (const each of options.cases) summaries.push(summarize(await runCase(each, options)));
  if (options.json) writeFileSync(options.json, jsonReport(summaries, options.pace));
  process.stdout.write(options.markdown ? markdownReport(summaries, options.pace) : textReport(summaries));
}
