/**
 * The directory of the workers' private sockets: the owner's alone from its creation, gone when the primary is. One that
 * a killed primary has left is removed by the next, which tells it by the pid, that process's start time, and the pid
 * namespace in its name, so that no living primary loses its own.
 */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateSocketPath } from "../../protocol/control.js";
import { OWNER_NUMBER_LIMIT } from "../../protocol/session-id.js";

/** There is no place for the run directory. */
export class RunDirectoryError extends Error {
  override readonly name = "RunDirectoryError";
  readonly code = "HOLDFAST_RUN_DIRECTORY";
  readonly exitCode = 78;
}

/** `sockaddr_un` holds so many bytes before its closing zero: 108 in all on Linux, 104 elsewhere. */
const LONGEST_SOCKET_PATH = process.platform === "linux" ? 107 : 103;
/** Without /proc; then nothing is taken for a leftover. */
const UNKNOWN = "0";
const NAME = /^holdfast-(?<namespace>\d+)-(?<pid>\d+)-(?<startTime>\d+)-\w{6}$/;

/** Gives its absolute path. Throws RunDirectoryError. */
export function createRunDirectory(env: NodeJS.ProcessEnv): string {
  const parent = parentDirectory(env);
  removeLeftovers(parent);
  const path = create(parent);
  process.once("exit", () => remove(path));
  return path;
}

/** RUNTIME_DIRECTORY is systemd's, and may name several. */
function parentDirectory(env: NodeJS.ProcessEnv): string {
  return env.RUNTIME_DIRECTORY?.split(":")[0] || tmpdir();
}

function create(parent: string): string {
  const self = { namespace: pidNamespace(), pid: process.pid, startTime: startTimeOf(process.pid) ?? UNKNOWN };
  const prefix = join(parent, `holdfast-${self.namespace}-${self.pid}-${self.startTime}-`);
  refuseTooLong(parent, prefix);
  try {
    return mkdtempSync(prefix);
  } catch (cause) {
    throw new RunDirectoryError(`cannot make a run directory in ${parent}: ${(cause as Error).message}`, { cause });
  }
}

function refuseTooLong(parent: string, prefix: string): void {
  const longest = privateSocketPath(`${prefix}XXXXXX`, OWNER_NUMBER_LIMIT - 1, OWNER_NUMBER_LIMIT - 1);
  const bytes = Buffer.byteLength(longest);
  if (bytes <= LONGEST_SOCKET_PATH) return;
  throw new RunDirectoryError(
    `${parent} is too long for a Unix socket in it (${bytes} bytes, ${LONGEST_SOCKET_PATH} are allowed): ` +
      "set TMPDIR, or RUNTIME_DIRECTORY, to a shorter path",
  );
}

/** Best effort: what cannot be read or removed stays. */
function removeLeftovers(parent: string): void {
  for (const name of namesIn(parent)) {
    const path = join(parent, name);
    if (isLeftover(name) && isOurs(path)) remove(path);
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {}
}

function isLeftover(name: string): boolean {
  const { namespace, pid, startTime } = NAME.exec(name)?.groups ?? {};
  // In another pid namespace, as another container has, the number would mean another process.
  if (namespace === undefined || namespace === UNKNOWN || namespace !== pidNamespace()) return false;
  const running = startTimeOf(Number(pid));
  return running === undefined || running !== startTime;
}

function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.();
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** In clock ticks since boot; undefined when no such process runs. Behind the name, which may hold anything, field 22. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
