// Flow tests run dist/: makes sure that it is what src/ says.
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./setup-error.js";

const SOURCES = ["src", "build", "package.json", "package-lock.json", "tsconfig.json"];
/** What the build writes last, and only if all went well: tsc writes its files also when types are wrong. */
const BUILT_LAST = "dist/chat/page/index.html";

/** Throws SetupError when the build fails; tsc has then said why. */
export function ensureBuilt(root) {
  if (newest(root, SOURCES) < modifiedMs(join(root, BUILT_LAST))) return;
  console.log("building dist/");
  const { status } = spawnSync("npm", ["run", "--silent", "build"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new SetupError("the build failed");
}

function newest(root, names) {
  return Math.max(...names.flatMap((name) => filesOf(join(root, name))).map(modifiedMs));
}

/** A directory is among them: its time tells of a file that was removed. */
function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  return [path, ...readdirSync(path, { recursive: true }).map((name) => join(path, name))];
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
