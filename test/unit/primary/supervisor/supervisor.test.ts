import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AppLoadError, BootError } from "../../../../src/primary/supervisor/boot-error.js";
import type { PrimaryMessage, WorkerMessage } from "../../../../src/protocol/control.js";
import { BEAT, FakeHost, type FakeWorker, settingsOf } from "./fake-host.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets what has been queued happen, and time pass. */
async function pass(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

async function started(settings = {}): Promise<FakeHost> {
  const host = new FakeHost(settings);
  const start = host.supervisor.start();
  await pass(20);
  expect(await start).toBe("ready");
  host.takeTold();
  return host;
}

describe("what workers are told", () => {
  const word = (key: string): PrimaryMessage => ({ type: "tls", cert: "c", key, ticketKeys: "t" });

  test("first of all are the secrets of their generation, also when one is replaced", async () => {
    const host = await started({ firstWord: () => word("old") });
    expect(host.workers.map(({ told }) => told[0])).toEqual([word("old"), word("old")]);
    host.settings = { ...settingsOf(), firstWord: () => word("new") };
    host.in(0).dies({ code: 1 });
    await pass(1_000);
    expect(host.in(0).told[0]).toEqual(word("old"));
    host.supervisor.reload();
    await pass(1_000);
    expect([host.in(0).told[0], host.in(1).told[0]]).toEqual([word("new"), word("new")]);
  });

  test("reaches every worker that there is", async () => {
    const host = await started();
    host.supervisor.tell({ type: "ticket-keys", ticketKeys: "x" });
    expect(host.workers.map(({ told }) => told.at(-1))).toEqual([
      { type: "ticket-keys", ticketKeys: "x" },
      { type: "ticket-keys", ticketKeys: "x" },
    ]);
  });

  test("of them, how many WebSockets they relay is summed up", async () => {
    const host = await started();
    host.in(0).says({ ...BEAT, relays: 2 } as WorkerMessage);
    host.in(1).says({ ...BEAT, relays: 3 } as WorkerMessage);
    await pass(1);
    expect(host.supervisor.counters).toMatchObject({ workerRelays: 5 });
  });
});

describe("a stop now", () => {
  test.each(["at once", "while workers drain"])("kills all workers, %s", async (when) => {
    const host = await started();
    host.onDrain = () => {};
    if (when !== "at once") host.supervisor.stop();
    await pass(10);
    host.supervisor.stopNow();
    await pass(10);
    expect(host.workers.map(({ killed }) => killed)).toEqual([true, true]);
    await host.supervisor.finished;
  });
});

describe("a start", () => {
  test("is ready when all workers are", async () => {
    const host = new FakeHost();
    host.onFork = () => {};
    const start = vi.fn();
    void host.supervisor.start().then(start);
    await pass(1);
    host.in(0).becomesReady();
    await pass(1);
    expect(start).not.toHaveBeenCalled();
    host.in(1).becomesReady();
    await pass(1);
    expect(start).toHaveBeenCalledWith("ready");
    expect(host.told).toEqual(["ready 0.1", "ready 1.1", "running"]);
  });

  test("forks one worker after the other, and serves in between", async () => {
    const host = new FakeHost({ workers: 3 });
    void host.supervisor.start();
    await Promise.resolve();
    expect(host.workers).toHaveLength(1);
    await pass(20);
    expect(host.workers).toHaveLength(3);
  });

  test("with an app that cannot be loaded fails with its error, and forks nobody more", async () => {
    const host = new FakeHost({ workers: 4 });
    host.onFork = (worker) => worker.failsToLoad("boom");
    const failure = host.supervisor.start().catch((error) => error);
    await pass(60_000);
    const error = await failure;
    expect(error).toBeInstanceOf(AppLoadError);
    expect(error.message).toBe("App failed to load: /app.mjs: boom\nError: boom\n    at app.mjs:1:1");
    expect(error.exitCode).toBe(4);
    expect(host.workers).toHaveLength(1);
    expect(host.living).toEqual([]);
  });

  test("with a worker that is never ready fails when its time is up", async () => {
    const host = new FakeHost();
    host.onFork = (worker) => worker.identity.slot === 1 && worker.becomesReady();
    const failure = host.supervisor.start().catch((error) => error);
    await pass(29_500);
    expect(host.living).toHaveLength(2);
    await pass(1_000);
    expect(await failure).toEqual(new BootError("worker 0 failed to boot within 30 s"));
    expect(host.living).toEqual([]);
  });

  test("with a worker that dies before it is ready says how it died", async () => {
    const host = new FakeHost({ workers: 1 });
    host.onFork = (worker) => worker.dies({ signal: "SIGSEGV" });
    const failure = host.supervisor.start().catch((error) => error);
    await pass(1);
    expect((await failure).message).toBe("worker 0 failed to boot: it was killed by SIGSEGV");
  });

  test("whose fork fails says why", async () => {
    const host = new FakeHost({ workers: 1 });
    host.onFork = (worker) => worker.dies({ forkError: new Error("spawn EAGAIN") });
    const failure = host.supervisor.start().catch((error) => error);
    await pass(1);
    expect((await failure).message).toBe("worker 0 failed to boot: it could not be forked (spawn EAGAIN)");
  });

  test("that is stopped before it is ready ends without an error", async () => {
    const host = new FakeHost();
    host.onFork = () => {};
    const start = host.supervisor.start();
    await pass(1);
    host.supervisor.stop();
    await pass(1);
    expect(await start).toBe("stopped");
    await host.supervisor.finished;
    expect(host.workers.every(({ killed }) => killed)).toBe(true);
  });

  test("that was stopped before it began forks nobody", async () => {
    const host = new FakeHost();
    host.supervisor.stop();
    const start = host.supervisor.start();
    await pass(1);
    expect(await start).toBe("stopped");
    expect(host.workers).toEqual([]);
  });

  test("lets a reload wait until it is done", async () => {
    const host = new FakeHost({ workers: 1 });
    host.supervisor.reload();
    void host.supervisor.start();
    await pass(1);
    expect(host.told).toEqual([
      "ready 0.1",
      "running",
      "reloading",
      "ready 0.2",
      "draining 0.1",
      "running",
      "gone 0.1",
    ]);
  });
});

describe("a worker that dies", () => {
  test("is replaced, told about once, and the others stay", async () => {
    const host = await started();
    const other = host.in(1);
    host.in(0).dies({ signal: "SIGKILL" });
    await pass(500);
    expect(host.told).toEqual(["gone 0.1", "ready 0.1"]);
    expect(host.in(1)).toBe(other);
    expect(host.in(0).identity.incarnation).toBe(1);
    expect(host.supervisor.workers().map(({ restarts }) => restarts)).toEqual([1, 0]);
    const lines = host.log.warn.mock.calls;
    expect(lines).toEqual([
      [
        expect.objectContaining({ event: "worker-exit", slot: 0, workerPid: 100, signal: "SIGKILL" }),
        expect.stringMatching(
          /^worker 0 \(pid 100\) was killed by SIGKILL: perhaps out of memory\?; the next is forked in 0\.1 s$/,
        ),
      ],
    ]);
  });

  test("is not gone before its link has been read out", async () => {
    const host = await started();
    const dying = host.in(0);
    dying.process.onExit({ code: 1 });
    await pass(500);
    expect(host.told).toEqual([]);
    dying.link?.onEnd();
    await pass();
    expect(host.told).toEqual(["gone 0.1"]);
  });

  test("is given up for gone when its link does not end", async () => {
    const host = await started();
    host.in(0).process.onExit({ code: 1 });
    await pass(1_500);
    expect(host.told).toEqual(["gone 0.1", "ready 0.1"]);
  });

  test("whose link ends and whose process lives on is killed", async () => {
    const host = await started();
    const half = host.in(0);
    half.link?.onEnd();
    await pass(900);
    expect(half.killed).toBe(false);
    await pass(500);
    expect(half.killed).toBe(true);
  });

  test("again and again is forked at most once a second after ten seconds, and heals by itself", async () => {
    const host = await started({ workers: 1 });
    host.onFork = (worker) => {
      worker.becomesReady();
      setTimeout(() => worker.dies({ code: 1 }), 1_000);
    };
    host.in(0).dies({ code: 1 });
    await pass(10_000);
    const forks = host.workers.length;
    await pass(60_000);
    expect(host.workers.length - forks).toBeLessThan(20);
    expect(host.log.warn.mock.calls.length).toBeLessThan(70);
    host.onFork = (worker) => worker.becomesReady();
    await pass(40_000);
    expect(host.living).toHaveLength(1);
    expect(host.supervisor.workers()[0]?.state).toBe("ready");
  });

  test("while it loads the app says so in the log, and the slot tries again", async () => {
    const host = await started();
    host.onFork = (worker) => worker.failsToLoad("gone bad");
    host.in(0).dies({ code: 1 });
    await pass(250);
    expect(host.log.error.mock.calls[0]?.[1]).toMatch(/^App failed to load: \/app\.mjs: gone bad/);
    expect(host.supervisor.workers()[0]?.state).toBe("stopped");
    host.onFork = (worker) => worker.becomesReady();
    await pass(1_000);
    expect(host.supervisor.workers()[0]?.state).toBe("ready");
  });
});

describe("a worker that does not answer", () => {
  test("gets no new connections within two seconds, is killed at its timeout, and replaced", async () => {
    const host = await started();
    const stuck = host.in(0);
    stuck.stopped = true;
    await pass(2_000);
    expect(host.told).toEqual(["stuck 0.1"]);
    await pass(7_500);
    expect(stuck.killed).toBe(false);
    await pass(1_500);
    expect(stuck.killed).toBe(true);
    expect(host.told).toEqual(["stuck 0.1", "gone 0.1", "ready 0.1"]);
    expect(host.events()).toContain("worker-killed");
  });

  test("for five seconds comes back", async () => {
    const host = await started();
    const stuck = host.in(0);
    stuck.stopped = true;
    await pass(5_000);
    stuck.stopped = false;
    await pass(1_500);
    expect(host.told).toEqual(["stuck 0.1", "recovered 0.1"]);
    expect(stuck.killed).toBe(false);
  });

  test("because the primary itself stood still is forgiven", async () => {
    const host = await started();
    const read = vi.spyOn(performance, "now");
    const before = performance.now();
    read.mockReturnValueOnce(before + 60_000);
    read.mockImplementation(() => before + 60_000);
    await pass(200);
    read.mockRestore();
    expect(host.told).toEqual([]);
    expect(host.living).toHaveLength(2);
  });

  test("makes the fleet stalled only when all are like it", async () => {
    const host = await started();
    host.in(0).stopped = true;
    await pass(2_500);
    expect(host.supervisor.stalled).toBe(false);
    host.in(1).stopped = true;
    await pass(2_500);
    expect(host.supervisor.stalled).toBe(true);
  });
});

describe("a worker that is told to end by somebody else", () => {
  test("drains, and another is forked at once, without a death being counted", async () => {
    const host = await started();
    host.onDrain = () => {};
    const leaving = host.in(0);
    leaving.says({ type: "resign" });
    await pass(1);
    const { drainTimeoutMs: withinMs } = settingsOf();
    const heirs = [{ slot: 1, incarnation: 0 }];
    expect(leaving.told).toEqual([{ type: "drain", withinMs, reason: "replace", heirs }]);
    await pass(50);
    expect(leaving.ended).toBe(false);
    expect(host.takeTold()).toEqual(["draining 0.1", "ready 0.1"]);
    expect(host.in(0).identity).toEqual({ slot: 0, incarnation: 1, generation: 1 });
    leaving.dies({ code: 0 });
    await pass(50);
    expect(host.takeTold()).toEqual(["gone 0.1"]);
    expect(host.supervisor.workers().map(({ slot, restarts }) => [slot, restarts])).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });
});

describe("a worker that misbehaves", () => {
  test.each<[string, (worker: FakeWorker) => void]>([
    ["on the IPC channel", (worker) => worker.process.onMisbehaviour("garbage")],
    ["on its link", (worker) => worker.link?.onEnd(new Error("garbage"))],
  ])("%s is killed at once, and told about once", async (_, misbehave) => {
    const host = await started();
    const rude = host.in(0);
    misbehave(rude);
    misbehave(rude);
    await pass(500);
    expect(rude.killed).toBe(true);
    expect(host.told).toEqual(["stuck 0.1", "gone 0.1", "ready 0.1"]);
    expect(host.events().filter((event) => event === "worker-protocol-error")).toHaveLength(1);
  });
});

describe("a reload", () => {
  test("drains the old workers when all new ones are ready", async () => {
    const host = await started();
    host.onFork = () => {};
    host.supervisor.reload();
    await pass(1);
    expect(host.living).toHaveLength(3);
    host.in(0).becomesReady();
    await pass(1);
    expect(host.living).toHaveLength(4);
    expect(host.takeTold()).toEqual(["reloading"]);
    host.in(1).becomesReady();
    await pass(1);
    expect(host.takeTold()).toEqual([
      "ready 0.2",
      "ready 1.2",
      "draining 0.1",
      "draining 1.1",
      "running",
      "gone 0.1",
      "gone 1.1",
    ]);
    expect(host.supervisor.generation).toBe(2);
    const heirs = [0, 1].map((slot) => ({ slot, incarnation: 1 }));
    expect(host.workers[0]?.told).toEqual([{ type: "drain", withinMs: 5_000, reason: "reload", heirs }]);
  });

  test.each<[string, (worker: FakeWorker) => void]>([
    ["cannot load the app", (worker) => worker.failsToLoad("broken deploy")],
    ["exits", (worker) => worker.dies({ code: 1 })],
    ["is never ready", () => {}],
  ])("whose first worker %s ends with one fork, and the old ones go on", async (_, fail) => {
    const host = await started({ workers: 4 });
    const old = host.living;
    host.onFork = fail;
    host.supervisor.reload();
    await pass(31_000);
    expect(host.workers).toHaveLength(5);
    expect(host.living).toEqual(old);
    expect(host.told.toSorted()).toEqual(["gone 0.2", "reloading", "running"]);
    expect(host.events()).toContain("reload-failed");
    expect(host.supervisor.generation).toBe(1);
  });

  test("whose last worker fails leaves no new one", async () => {
    const host = await started();
    const old = host.living;
    host.onFork = (worker) => (worker.identity.slot === 0 ? worker.becomesReady() : worker.failsToLoad("unlucky"));
    host.supervisor.reload();
    await pass(2_000);
    expect(host.living).toEqual(old);
    expect(host.told.filter((what) => what.startsWith("ready") || what.startsWith("draining"))).toEqual([]);
  });

  test("with wrong settings is refused, and says why", async () => {
    const host = await started();
    host.settings = new Error("port is 70000, but must be less");
    host.supervisor.reload();
    await pass(1_000);
    expect(host.workers).toHaveLength(2);
    expect(host.log.error.mock.calls[0]).toEqual([
      { event: "reload-failed", reason: "port is 70000, but must be less" },
      expect.any(String),
    ]);
  });

  test("takes over the settings, also the number of workers", async () => {
    const host = await started();
    host.settings = settingsOf({ workers: 3, drainTimeoutMs: 1_234 });
    host.supervisor.reload();
    await pass(500);
    expect(host.living.map(({ identity }) => [identity.slot, identity.generation])).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
    ]);
    expect(host.workers[0]?.told).toMatchObject([{ type: "drain", withinMs: 1_234, reason: "reload" }]);
  });

  test("keeps the number that was scaled to", async () => {
    const host = await started();
    host.supervisor.more();
    await pass(500);
    host.supervisor.reload();
    await pass(500);
    expect(host.living).toHaveLength(3);
  });

  test("asked for during another comes once more after it, however often it was asked for", async () => {
    const host = await started();
    host.onFork = (worker) => setTimeout(() => worker.becomesReady(), 100);
    host.supervisor.reload();
    for (let i = 0; i < 5; i++) {
      await pass(10);
      host.supervisor.reload();
    }
    await pass(2_000);
    expect(host.living.map(({ identity }) => identity.generation)).toEqual([3, 3]);
    expect(host.told.filter((what) => what === "reloading")).toHaveLength(2);
  });

  test("gives way to a stop", async () => {
    const host = await started();
    host.onFork = () => {};
    host.supervisor.reload();
    await pass(1);
    host.supervisor.stop();
    await pass(1);
    await host.supervisor.finished;
    expect(host.living).toEqual([]);
    expect(host.workers.map(({ told }) => told.length)).toEqual([1, 1, 0]);
  });

  test("heals a crash loop at once", async () => {
    const host = await started();
    host.onFork = (worker) => worker.dies({ code: 1 });
    for (const worker of host.living) worker.dies({ code: 1 });
    await pass(20_000);
    host.onFork = (worker) => worker.becomesReady();
    host.supervisor.reload();
    await pass(10);
    expect(host.supervisor.workers().map(({ state, generation }) => [state, generation])).toEqual([
      ["ready", 2],
      ["ready", 2],
    ]);
  });

  test("replaces an old worker that dies meanwhile", async () => {
    const host = await started();
    host.onFork = (worker) => worker.identity.generation === 1 && worker.becomesReady();
    host.supervisor.reload();
    await pass(1);
    host.workers[1]?.dies({ code: 1 });
    await pass(500);
    expect(host.told).toEqual(["reloading", "gone 1.1", "ready 1.1"]);
  });
});

describe("scaling", () => {
  test("adds the next slot, and drains the highest", async () => {
    const host = await started();
    host.supervisor.more();
    await pass(500);
    host.supervisor.fewer();
    await pass(500);
    expect(host.told).toEqual(["ready 2.1", "draining 2.1", "gone 2.1"]);
  });

  test("never goes below one", async () => {
    const host = await started();
    for (let i = 0; i < 5; i++) host.supervisor.fewer();
    await pass(500);
    expect(host.living).toHaveLength(1);
    expect(host.supervisor.wantedWorkers).toBe(1);
  });

  test("gives a slot that comes back another incarnation", async () => {
    const host = await started();
    host.supervisor.fewer();
    await pass(500);
    host.supervisor.more();
    await pass(500);
    expect(host.in(1).identity).toEqual({ slot: 1, incarnation: 1, generation: 1 });
  });
});

describe("a stop", () => {
  test("drains all, and has finished when the last is gone", async () => {
    const host = await started();
    const draining: FakeWorker[] = [];
    host.onDrain = (worker) => draining.push(worker);
    host.supervisor.stop();
    await pass(1);
    expect(host.takeTold()).toEqual(["stopping", "draining 0.1", "draining 1.1"]);
    const finished = vi.fn();
    void host.supervisor.finished.then(finished);
    draining[0]?.dies({ code: 0 });
    await pass(1);
    expect(finished).not.toHaveBeenCalled();
    draining[1]?.dies({ code: 0 });
    await pass(1);
    expect(finished).toHaveBeenCalled();
    const said = host.log.info.mock.calls.filter(([{ event }]) => event === "worker-exit").map(([, text]) => text);
    expect(said).toEqual([
      expect.stringMatching(/^worker 0 \(pid \d+\) is gone$/),
      expect.stringMatching(/^worker 1 \(pid \d+\) is gone$/),
    ]);
  });

  test("kills what is not gone a second after the drain time", async () => {
    const host = await started({ drainTimeoutMs: 3_000 });
    host.onDrain = () => {};
    host.supervisor.stop();
    await pass(3_900);
    expect(host.living).toHaveLength(2);
    await pass(400);
    expect(host.living).toEqual([]);
    await host.supervisor.finished;
  });

  test("asked for twice kills at once", async () => {
    const host = await started();
    host.onDrain = () => {};
    host.supervisor.stop();
    await pass(1);
    host.supervisor.stop();
    await pass(1);
    expect(host.living).toEqual([]);
    await host.supervisor.finished;
  });

  test("forks nobody any more", async () => {
    const host = await started();
    host.onDrain = () => {};
    host.supervisor.stop();
    await pass(1);
    host.supervisor.reload();
    host.supervisor.more();
    host.in(0).dies({ code: 1 });
    await pass(4_000);
    expect(host.workers).toHaveLength(2);
  });
});

test("whatever is asked for, and whoever dies, in whatever order: it ends as it was last wanted", async () => {
  const host = await started({ workers: 3 });
  const wishes = ["reload", "more", "fewer", "die", "fail", "wait"] as const;
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  for (let round = 0; round < 1_000; round++) {
    const wish = wishes[random(wishes.length)];
    const someone = host.living[random(host.living.length)];
    if (wish === "reload") host.supervisor.reload();
    if (wish === "more" && host.supervisor.wantedWorkers < 6) host.supervisor.more();
    if (wish === "fewer") host.supervisor.fewer();
    if (wish === "die") someone?.dies({ code: 1 });
    if (wish === "fail") host.onFork = (worker) => (random(4) === 0 ? worker.dies({ code: 1 }) : worker.becomesReady());
    await pass(random(3) === 0 ? random(2_000) : 0);
  }
  host.onFork = (worker) => worker.becomesReady();
  host.supervisor.reload();
  await pass(120_000);
  const rows = host.supervisor.workers();
  expect(rows.map(({ slot, state }) => [slot, state])).toEqual(
    Array.from({ length: host.supervisor.wantedWorkers }, (_, slot) => [slot, "ready"]),
  );
  expect(host.living).toHaveLength(rows.length);
  expect(host.supervisor.phase).toBe("running");
  host.supervisor.stop();
  await pass(1);
  await host.supervisor.finished;
  expect(host.living).toEqual([]);
});
