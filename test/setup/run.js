// `npm test`: a build that is up to date, the real programs that tests need, then vitest with the arguments given.
// Ends with vitest's exit code and one plain line that counts the tests.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "./build.js";
import { ensureParts, SEARCH_PATH } from "./part.js";
import { SetupError } from "./setup-error.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

/** The slow and the long ones have commands of their own. */
const PROJECTS = ["--project", "unit", "--project", "flow"];
const REPORTERS = ["--reporter=default", "--reporter=json"];

const startedAt = performance.now();
try {
  ensureParts();
  if (process.env.TEST_DIST === undefined) ensureBuilt(ROOT);
  process.exitCode = await runVitest(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}

async function runVitest(args) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const file = join(directory, "result.json");
  try {
    const projects = args.includes("--project") ? [] : PROJECTS;
    const code = await vitest("run", ...projects, ...REPORTERS, `--outputFile.json=${file}`, ...args);
    report(countOf(file), code);
    return code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function vitest(...args) {
  const child = spawn(process.execPath, [VITEST, ...args], {
    cwd: ROOT,
    env: { ...process.env, PATH: SEARCH_PATH },
    stdio: ["ignore", "inherit", "inherit"],
  });
  // A terminal's Ctrl+C reaches vitest too, which stops what it has started; a TERM is passed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill());
  const [code] = await once(child, "exit");
  return code ?? 1;
}

/** A file that could not run at all counts as one failure, and so does whatever else made vitest fail. */
function countOf(file) {
  try {
    const { numPassedTests: passed, numFailedTests, testResults } = JSON.parse(readFileSync(file, "utf8"));
    const broken = testResults.filter(
      ({ status, assertionResults }) => status === "failed" && !hasFailure(assertionResults),
    );
    return { passed, failed: numFailedTests + broken.length };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

function hasFailure(results) {
  return results.some(({ status }) => status === "failed");
}

function report({ passed, failed }, code) {
  console.log(`took ${Math.round((performance.now() - startedAt) / 1000)} s, vitest ended with ${code}`);
  console.log(`tests: ${passed} passed, ${code !== 0 && failed === 0 ? 1 : failed} failed`);
}
