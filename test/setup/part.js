// The real programs that tests run against: finds what is missing and, where it may, installs it by apt.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./setup-error.js";

/** Command and Debian package. */
const PARTS = [
  ["chromium", "chromium"],
  ["faketime", "faketime"],
  ["haproxy", "haproxy"],
  ["nginx", "nginx"],
  ["openssl", "openssl"],
  ["prlimit", "util-linux"],
  ["python3", "python3"],
  ["redis-cli", "redis-tools"],
  ["redis-server", "redis-server"],
  ["socat", "socat"],
  ["systemd-analyze", "systemd"],
  ["systemd-notify", "systemd"],
];

/** What apt installs for; another Python may come first in the PATH. */
const DEBIAN_PYTHON = "/usr/bin/python3";

/** Modules of Python, which docs/hosts.md uses in an example that a test runs. */
const PYTHON_PARTS = [
  ["msgpack", "python3-msgpack"],
  ["redis", "python3-redis"],
];

/** Of Debian's python-socketio and what its client needs. Where it cannot be had, its test says so and is skipped. */
const OPTIONAL_PYTHON_PARTS = [
  ["requests", "python3-requests"],
  ["socketio", "python3-socketio"],
  ["websocket", "python3-websocket"],
];

/** Debian's invoke-rc.d asks this program before it starts a service; 101 forbids it. */
const POLICY = "/usr/sbin/policy-rc.d";

/** The search path with the directories of servers, which only root has in it. */
export const SEARCH_PATH = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Throws SetupError when a part is missing and could not be installed. */
export function ensureParts() {
  const packages = [...new Set([...missing(), ...OPTIONAL_PYTHON_PARTS.filter(isNoModule)].map(([, name]) => name))];
  if (packages.length === 0) return;
  const why = whyNotInstalled(packages);
  const commands = missing().map(([command]) => command);
  if (commands.length === 0) return;
  throw new SetupError(`the tests need ${commands.join(", ")} (apt-get install ${packages.join(" ")}): ${why}`);
}

function missing() {
  const programs = PARTS.filter(
    ([command]) => !SEARCH_PATH.split(":").some((directory) => isExecutable(join(directory, command))),
  );
  return [...programs, ...PYTHON_PARTS.filter(isNoModule)];
}

function isNoModule([name]) {
  return !isImportable(name);
}

function isImportable(name) {
  return spawnSync(DEBIAN_PYTHON, ["-c", `import ${name}`], { stdio: "ignore" }).status === 0;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Installs, and says in words why something may be missing still. */
function whyNotInstalled(packages) {
  if (process.getuid?.() !== 0) return "only root may install them";
  if (!existsSync("/usr/bin/apt-get")) return "there is no apt-get here";
  console.log(`installing by apt: ${packages.join(" ")}`);
  const failure = withoutServices(() => apt("update") ?? apt("install", "-y", "--no-install-recommends", ...packages));
  return failure ?? "installed, but not in the PATH";
}

function withoutServices(install) {
  if (existsSync(POLICY)) return install();
  writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(POLICY, { force: true });
  }
}

/** Undefined when it went well, else the last line of what apt said. */
function apt(...args) {
  const { status, stdout, stderr, error } = spawnSync("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=120", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return undefined;
  const said = error?.message ?? (stderr || stdout).trim().split("\n").at(-1);
  return `apt-get ${args[0]} failed: ${said}`;
}
