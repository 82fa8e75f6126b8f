import { afterEach, expect, test, vi } from "vitest";
import { collectSignals } from "../../../../src/primary/supervisor/signals.js";

const NAMES = ["SIGTERM", "SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR2"] as const;

afterEach(() => {
  for (const name of NAMES) process.removeAllListeners(name);
  vi.useRealTimers();
});

function listening(signals = collectSignals()) {
  const calls: string[] = [];
  const call = (name: string) => () => void calls.push(name);
  signals.deliverTo({
    stop: call("stop"),
    reload: call("reload"),
    more: call("more"),
    fewer: call("fewer"),
    dump: call("dump"),
  });
  return calls;
}

test("each signal of the contract has its wish", () => {
  const calls = listening();
  for (const name of NAMES) process.emit(name);
  expect(calls).toEqual(["stop", "stop", "reload", "more", "fewer", "dump"]);
});

test("a Ctrl+C that npm passes on after the terminal is one, a second one is a second", () => {
  vi.useFakeTimers();
  const calls = listening();
  process.emit("SIGINT");
  vi.advanceTimersByTime(5);
  process.emit("SIGINT");
  expect(calls).toEqual(["stop"]);
  vi.advanceTimersByTime(150);
  process.emit("SIGINT");
  expect(calls).toEqual(["stop", "stop"]);
});

test("a second TERM counts, however soon it comes", () => {
  const calls = listening();
  process.emit("SIGTERM");
  process.emit("SIGTERM");
  expect(calls).toEqual(["stop", "stop"]);
});

test("what came before there was anybody to tell is told in order", () => {
  const signals = collectSignals();
  process.emit("SIGHUP");
  process.emit("SIGTERM");
  expect(listening(signals)).toEqual(["reload", "stop"]);
});
