import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Presence, sum, type Watcher } from "../../../src/chat/presence.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const PERIOD_MS = 1000;

test("a watcher is told the count of all workers", async () => {
  const { presence } = start({ own: 2, others: [3, 4] });
  const { watcher, told } = createWatcher();
  presence.watch(watcher);
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([9]);
});

test("it is told again when the count has changed, and only then", async () => {
  const { presence, cluster } = start({ own: 1, others: [1] });
  const { watcher, told } = createWatcher();
  presence.watch(watcher);
  await vi.advanceTimersByTimeAsync(5 * PERIOD_MS);
  expect(told).toEqual([2]);
  cluster.others = [5];
  await vi.advanceTimersByTimeAsync(PERIOD_MS);
  expect(told).toEqual([2, 6]);
});

test("the clients of a worker that died are gone with its answer", async () => {
  const { presence, cluster } = start({ own: 1, others: [10, 20] });
  const { watcher, told } = createWatcher();
  presence.watch(watcher);
  await vi.advanceTimersByTimeAsync(0);
  cluster.others = [10];
  await vi.advanceTimersByTimeAsync(PERIOD_MS);
  expect(told).toEqual([31, 11]);
});

test("who watches while it counts is told the last count at once", async () => {
  const { presence } = start({ own: 3, others: [] });
  presence.watch(createWatcher().watcher);
  await vi.advanceTimersByTimeAsync(0);
  const { watcher, told } = createWatcher();
  presence.watch(watcher);
  expect(told).toEqual([3]);
});

test("the others are asked once a second, however many watch", async () => {
  const { presence, cluster } = start({ own: 0, others: [] });
  for (let i = 0; i < 10; i++) presence.watch(createWatcher().watcher);
  await vi.advanceTimersByTimeAsync(3 * PERIOD_MS);
  expect(cluster.asked).toBe(4);
});

test("a question that is not answered yet is not asked again", async () => {
  const { presence, cluster } = start({ own: 0, others: [] });
  cluster.silent = true;
  presence.watch(createWatcher().watcher);
  await vi.advanceTimersByTimeAsync(10 * PERIOD_MS);
  expect(cluster.asked).toBe(1);
});

test("when nobody watches any more nobody is asked, and who comes next is told a new count", async () => {
  const { presence, cluster } = start({ own: 1, others: [1] });
  const first = createWatcher();
  presence.watch(first.watcher);
  await vi.advanceTimersByTimeAsync(0);
  first.disconnect();
  await vi.advanceTimersByTimeAsync(10 * PERIOD_MS);
  expect(cluster.asked).toBe(1);
  cluster.others = [7];
  const second = createWatcher();
  presence.watch(second.watcher);
  await vi.advanceTimersByTimeAsync(0);
  expect(second.told).toEqual([8]);
  expect(first.told).toEqual([2]);
});

test("a watcher may ask again and again, and is kept once", async () => {
  const { presence } = start({ own: 1, others: [] });
  const { watcher, told } = createWatcher();
  const once = vi.spyOn(watcher, "once");
  for (let i = 0; i < 10; i++) presence.watch(watcher);
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([1]);
  expect(once).toHaveBeenCalledTimes(1);
});

test("a worker that drains counts no more", async () => {
  const { presence, cluster, drain } = start({ own: 1, others: [] });
  presence.watch(createWatcher().watcher);
  await vi.advanceTimersByTimeAsync(0);
  drain.abort();
  await vi.advanceTimersByTimeAsync(10 * PERIOD_MS);
  expect(cluster.asked).toBe(1);
});

test("an answer that is no count is not counted", () => {
  expect(sum(1, [2, "3", null, undefined, -4, 0.5, Number.NaN, Number.POSITIVE_INFINITY, {}, [7]])).toBe(3);
});

function start(state: { own: number; others: unknown[] }) {
  const cluster = { ...state, asked: 0, silent: false };
  const drain = new AbortController();
  const census = {
    own: () => cluster.own,
    others: () => {
      cluster.asked++;
      return cluster.silent ? new Promise<never>(() => {}) : Promise.resolve(cluster.others);
    },
  };
  return { presence: new Presence(census, drain.signal), cluster, drain };
}

function createWatcher(): { watcher: Watcher; told: number[]; disconnect(): void } {
  const told: number[] = [];
  const ends: (() => void)[] = [];
  const watcher: Watcher = {
    emit: (_event, { count }) => told.push(count),
    once: (_event, listener) => ends.push(listener),
  };
  return { watcher, told, disconnect: () => ends.forEach((end) => void end()) };
}
