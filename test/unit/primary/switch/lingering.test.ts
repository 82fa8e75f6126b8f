import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Lingering } from "../../../../src/primary/switch/lingering.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function start(windowMs: number) {
  const told: unknown[][] = [];
  const unheard: unknown[] = [];
  const observer = {
    onServers: (...args: unknown[]) => void told.push(args),
    onRoom: (...args: unknown[]) => void told.push(args),
  };
  const lingering = new Lingering(observer, { windowMs, unheard: (_namespace, room) => void unheard.push(room) });
  const later = (ms: number) => {
    vi.advanceTimersByTime(ms);
    lingering.sweep(performance.now());
  };
  return { told, unheard, lingering, later };
}

test("while nobody can come back, what is observed is told at once", () => {
  const { told, lingering } = start(0);
  lingering.onServers("/", 1);
  lingering.onRoom("/", "r", true);
  lingering.onRoom("/", "r", false);
  lingering.onServers("/", 0);
  expect(told).toEqual([
    ["/", 1],
    ["/", "r", true],
    ["/", "r", false],
    ["/", 0],
  ]);
});

test("a room is heard for a while after its last member, and goes on without a break when one returns", () => {
  const { told, lingering, later } = start(1_000);
  lingering.onRoom("/", "r", true);
  lingering.onRoom("/", "r", false);
  later(900);
  lingering.onRoom("/", "r", true);
  later(5_000);
  lingering.onRoom("/", "r", false);
  later(900);
  expect(told).toEqual([["/", "r", true]]);
  later(200);
  expect(told).toEqual([
    ["/", "r", true],
    ["/", "r", false],
  ]);
});

test("so is a namespace", () => {
  const { told, lingering, later } = start(1_000);
  lingering.onServers("/x", 1);
  lingering.onServers("/x", 0);
  later(900);
  expect(told).toEqual([["/x", 1]]);
  later(200);
  expect(told.at(-1)).toEqual(["/x", 0]);
  lingering.onServers("/x", 2);
  expect(told.at(-1)).toEqual(["/x", 2]);
});

test("of very many rooms, those beyond are unheard, and said to be", () => {
  const { told, unheard, lingering } = start(1_000);
  for (let i = 0; i < 20_001; i++) lingering.onRoom("/", `room ${i}`, false);
  expect(unheard).toEqual(["room 20000"]);
  expect(told).toEqual([["/", "room 20000", false]]);
});
