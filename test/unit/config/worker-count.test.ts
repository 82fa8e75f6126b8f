import { expect, test } from "vitest";
import { resolveWorkerCount } from "../../../src/config/worker-count.js";

function machine(cpus: number, files: Record<string, string> = {}) {
  return { availableParallelism: () => cpus, readFile: (path: string) => files[path] };
}

function auto(cpus: number, files: Record<string, string>): number {
  return resolveWorkerCount("auto", machine(cpus, files)).workers;
}

test("a number is taken as it is", () => {
  expect(resolveWorkerCount(7, machine(2))).toEqual({ workers: 7, reason: "as set" });
});

test("without cgroups there is a worker for each CPU", () => {
  expect(resolveWorkerCount("auto", machine(8))).toEqual({ workers: 8, reason: "auto: 8 CPUs are available" });
});

test("the quota of cgroup v2 counts, a fraction as a whole CPU", () => {
  const files = { "/proc/self/cgroup": "0::/app.slice/x\n", "/sys/fs/cgroup/app.slice/x/cpu.max": "150000 100000\n" };
  expect(resolveWorkerCount("auto", machine(8, files))).toEqual({
    workers: 2,
    reason: "auto: /sys/fs/cgroup/app.slice/x/cpu.max allows 1.5 of 8 available CPUs",
  });
});

test("the smallest quota up to the root counts", () => {
  const files = {
    "/proc/self/cgroup": "0::/a/b/c\n",
    "/sys/fs/cgroup/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/a/cpu.max": "300000 100000\n",
    "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/a/b/c/cpu.max": "600000 100000\n",
  };
  expect(auto(8, files)).toBe(3);
});

test("in a container the cgroup is the root", () => {
  expect(auto(8, { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "400000 100000\n" })).toBe(4);
  expect(auto(8, { "/proc/self/cgroup": "0::/../..\n", "/sys/fs/cgroup/cpu.max": "400000 100000\n" })).toBe(4);
});

test("a quota below one CPU is one worker, one above the CPUs there are is none", () => {
  const files = (max: string) => ({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": max });
  expect(auto(8, files("5000 100000"))).toBe(1);
  expect(auto(2, files("900000 100000"))).toBe(2);
  expect(auto(2, files("max 100000"))).toBe(2);
});

test.each(["cpu,cpuacct", "cpuacct,cpu", "cpu"])("the quota of cgroup v1 counts, mounted as %s", (controllers) => {
  const base = `/sys/fs/cgroup/${controllers}/docker/1`;
  const files = {
    "/proc/self/cgroup": `3:memory:/docker/1\n2:${controllers}:/docker/1\n0::/docker/1\n`,
    [`${base}/cpu.cfs_quota_us`]: "250000\n",
    [`${base}/cpu.cfs_period_us`]: "100000\n",
  };
  expect(auto(8, files)).toBe(3);
});

test("in a container of v1 the path is the host's, and the quota is at the root", () => {
  const files = {
    "/proc/self/cgroup": "4:cpu,cpuacct:/docker/1\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
  };
  expect(auto(8, files)).toBe(2);
});

test.each(["-1", "", "x"])("a v1 quota of %j is none", (quota) => {
  const files = {
    "/proc/self/cgroup": "4:cpu:/\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": quota,
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
  };
  expect(auto(4, files)).toBe(4);
});

test("there are never more workers than a setting could ask for", () => {
  expect(auto(4_096, {})).toBe(1_024);
});

test("on this machine it finds at least one", () => {
  expect(resolveWorkerCount("auto").workers).toBeGreaterThanOrEqual(1);
});
