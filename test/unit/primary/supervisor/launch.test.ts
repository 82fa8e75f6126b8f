/** With real forks: how Node fails is what is to be shown. */
import cluster from "node:cluster";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { WorkerEnd, WorkerProcess } from "../../../../src/primary/supervisor/contract.js";
import { createLaunch } from "../../../../src/primary/supervisor/launch.js";
import { ANY_SETTINGS } from "../../protocol/worker-settings.js";

const CHILD = fileURLToPath(new URL("./launched-child.mjs", import.meta.url));
const HOST = { hostTag: "tag1", hostId: "here", runDirectory: "/tmp" };

const launched: { process: WorkerProcess; end: Promise<WorkerEnd> }[] = [];

afterEach(async () => {
  cluster.setupPrimary({ cwd: process.cwd() });
  for (const { process, end } of launched.splice(0)) {
    process.kill();
    await end;
  }
  expect(Object.keys(cluster.workers ?? {})).toEqual([]);
});

function launch(workerFile = CHILD) {
  const misbehaviour: string[] = [];
  let settle: (end: WorkerEnd) => void = () => {};
  const end = new Promise<WorkerEnd>((resolve) => {
    settle = resolve;
  });
  const fork = createLaunch({ workerFile, withheld: ["HOLDFAST_REDIS"], host: HOST });
  const process = fork({ slot: 1, incarnation: 2, generation: 3 }, ANY_SETTINGS, {
    onExit: settle,
    onMisbehaviour: (what) => misbehaviour.push(what),
    onIgnored: () => {},
    onPassed: () => {},
  });
  launched.push({ process, end });
  return { process, end, misbehaviour };
}

test("a worker is told who it is, has a link, and none of what is the primary's alone", async () => {
  process.env.NOTIFY_SOCKET = "/run/notify";
  process.env.HOLDFAST_REDIS = "redis://:hush@a";
  const { process: worker, end } = launch();
  const link = worker.link as Duplex;
  const told = JSON.parse(await text(link));
  delete process.env.NOTIFY_SOCKET;
  delete process.env.HOLDFAST_REDIS;
  expect(told.birth).toEqual({
    ...HOST,
    slot: 1,
    incarnation: 2,
    generation: 3,
    primaryPid: process.pid,
    settings: ANY_SETTINGS,
  });
  expect(told.environment).not.toContain("NOTIFY_SOCKET");
  expect(told.environment).not.toContain("HOLDFAST_REDIS");
  expect(told.argv).toEqual([process.execPath, CHILD]);
  expect(await end).toEqual({ code: 7 });
});

test("one that is killed ends with the signal", async () => {
  const { process, end } = launch();
  process.kill();
  expect(await end).toEqual({ signal: "SIGKILL" });
});

test("a fork that Node reports later ends with its error", async () => {
  cluster.setupPrimary({ cwd: "/not/there" });
  const { process, end } = launch();
  expect(process.pid).toBeUndefined();
  expect(process.link).toBeUndefined();
  expect(await end).toEqual({ forkError: expect.objectContaining({ code: "ENOENT" }) });
});

test("a fork that throws ends with its error", async () => {
  const { process, end } = launch("/with/a/null\0byte");
  expect(process.pid).toBeUndefined();
  expect(await end).toEqual({ forkError: expect.any(Error) });
});

test("a worker whose file is not there ends by itself", async () => {
  const { end } = launch("/not/there.js");
  expect(await end).toEqual({ code: 1 });
});
