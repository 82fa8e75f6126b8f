/** systemd's side is shown with the real systemd-notify in test/flow/systemd-*.test.ts; here, what is told and when. */
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ServiceNotice } from "../../../../src/primary/supervisor/service-notice.js";

const spawned = vi.hoisted(() => ({ children: [] as { args: string[]; child: EventEmitter }[] }));

vi.mock("node:child_process", () => ({
  spawn: (_: string, args: string[]) => {
    const child = new EventEmitter();
    spawned.children.push({ args, child });
    return child;
  },
}));

const log = { warn: vi.fn() };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});

afterEach(() => {
  spawned.children.length = 0;
  vi.clearAllMocks();
  vi.useRealTimers();
});

function notice(env: NodeJS.ProcessEnv, isWell = () => true): ServiceNotice {
  return new ServiceNotice({ env: { NOTIFY_SOCKET: "/run/notify", ...env }, isWell, log });
}

/** What has been told; each child ends as soon as it is seen. */
function told(): string[][] {
  const seen: string[][] = [];
  for (const { args, child } of spawned.children) {
    seen.push(args);
    child.emit("close");
  }
  return seen;
}

test("the words of a life come in order, one child after the other", () => {
  const systemd = notice({});
  for (const phase of ["running", "reloading", "running", "stopping"] as const) systemd.onPhase(phase);
  expect(spawned.children).toHaveLength(1);
  expect(told().map(([word]) => word)).toEqual(["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]);
});

test("a reload tells the monotonic time in microseconds", () => {
  notice({}).onPhase("reloading");
  expect(told()[0]?.[1]).toMatch(/^MONOTONIC_USEC=\d{7,}$/);
});

test("the watchdog is fed at less than half its period once ready, until the stop", () => {
  const systemd = notice({ WATCHDOG_USEC: "10000000", WATCHDOG_PID: String(process.pid) });
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual([]);
  systemd.onPhase("running");
  vi.advanceTimersByTime(20_000);
  expect(told().filter(([word]) => word === "WATCHDOG=1")).toHaveLength(5);
  systemd.onPhase("stopping");
  spawned.children.length = 0;
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual([]);
});

test("the watchdog is not fed while nobody answers, nor when it is another process's", () => {
  notice({ WATCHDOG_USEC: "1000000" }, () => false).onPhase("running");
  notice({ WATCHDOG_USEC: "1000000", WATCHDOG_PID: "1" }).onPhase("running");
  spawned.children.length = 0;
  vi.advanceTimersByTime(10_000);
  expect(told()).toEqual([]);
});

test("a systemd-notify that hangs does not let words pile up", () => {
  const systemd = notice({ WATCHDOG_USEC: "1000000" });
  systemd.onPhase("running");
  vi.advanceTimersByTime(60_000);
  expect(told().length).toBeLessThan(20);
});

test("one that is missing is warned of once", () => {
  const systemd = notice({});
  systemd.onPhase("running");
  systemd.onPhase("stopping");
  for (const { child } of spawned.children) {
    child.emit("error", new Error("spawn systemd-notify ENOENT"));
    child.emit("close");
  }
  expect(log.warn).toHaveBeenCalledTimes(1);
});

test("without systemd nobody is told", () => {
  new ServiceNotice({ env: {}, isWell: () => true, log }).onPhase("running");
  expect(spawned.children).toEqual([]);
});
