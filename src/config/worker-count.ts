/**
 * How many workers "auto" means: one for each CPU that this process may use, whether limited by affinity, which Node
 * sees, or by a cgroup's CPU quota, which Node 20 does not. Pure but for what `machine` reads; runs in the primary.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { MAX_WORKERS } from "./table.js";

export interface Machine {
  /** The text of a file, or undefined when it cannot be read. */
  readFile(path: string): string | undefined;
  /** CPUs by affinity. */
  availableParallelism(): number;
}

export interface WorkerCount {
  readonly workers: number;
  /** For the log: how it was decided. */
  readonly reason: string;
}

interface Quota {
  readonly cpus: number;
  readonly path: string;
}

const CGROUP_ROOT = "/sys/fs/cgroup";

export function resolveWorkerCount(setting: number | "auto", machine: Machine = thisMachine): WorkerCount {
  if (setting !== "auto") return { workers: setting, reason: "as set" };
  const cpus = machine.availableParallelism();
  const quota = smallestQuota(machine);
  if (quota === undefined || quota.cpus >= cpus) return clamped(cpus, `auto: ${cpus} CPUs are available`);
  // Rounded up: a worker too many costs little, half a CPU left idle is what the quota's owner pays for.
  const workers = Math.max(1, Math.ceil(quota.cpus));
  return clamped(workers, `auto: ${quota.path} allows ${quota.cpus} of ${cpus} available CPUs`);
}

const thisMachine: Machine = {
  availableParallelism,
  readFile: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
};

function clamped(workers: number, reason: string): WorkerCount {
  return { workers: Math.min(workers, MAX_WORKERS), reason };
}

/** A cgroup is also bound by the quota of each of its ancestors. */
function smallestQuota(machine: Machine): Quota | undefined {
  const lines = (machine.readFile("/proc/self/cgroup") ?? "").split("\n");
  const quotas = lines.flatMap((line) => quotasOf(line, machine));
  return quotas.sort((a, b) => a.cpus - b.cpus)[0];
}

/** A line is `id:controllers:path`: 0 and no controllers for v2, `4:cpu,cpuacct:/…` for v1. */
function quotasOf(line: string, machine: Machine): Quota[] {
  const [, id, controllers = "", path = ""] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
  if (id === "0" && controllers === "") return along(path, (group) => quotaV2(CGROUP_ROOT + group, machine));
  if (!controllers.split(",").includes("cpu")) return [];
  const mounts = [`${CGROUP_ROOT}/${controllers}`, `${CGROUP_ROOT}/cpu`];
  return mounts.flatMap((mount) => along(path, (group) => quotaV1(mount + group, machine)));
}

/** From the group up to the root; in a container the path may be the host's, and only the root is there. */
function along(path: string, read: (group: string) => Quota | undefined): Quota[] {
  const names = path.includes("..") ? [] : path.split("/").filter((name) => name !== "");
  const groups = names.map((_, depth) => `/${names.slice(0, depth + 1).join("/")}`);
  return ["", ...groups].map(read).filter((quota) => quota !== undefined);
}

function quotaV2(directory: string, machine: Machine): Quota | undefined {
  const path = `${directory}/cpu.max`;
  const [quota = "", period = ""] = (machine.readFile(path) ?? "").trim().split(" ");
  return toQuota(Number(quota), Number(period), path);
}

function quotaV1(directory: string, machine: Machine): Quota | undefined {
  const path = `${directory}/cpu.cfs_quota_us`;
  const period = machine.readFile(`${directory}/cpu.cfs_period_us`);
  return toQuota(Number(machine.readFile(path)), Number(period), path);
}

/** No limit is `max` in v2 and -1 in v1; NaN and 0 are files that are not there. */
function toQuota(quotaUs: number, periodUs: number, path: string): Quota | undefined {
  return quotaUs > 0 && periodUs > 0 ? { cpus: quotaUs / periodUs, path } : undefined;
}
