/**
 * Forks a worker with node:cluster: an IPC channel that carries connections to it, and a pipe, its link. It turns all the
 * ways in which a fork can fail into one, and refuses to know what the worker does.
 */
import type { ChildProcess } from "node:child_process";
import cluster, { type Worker } from "node:cluster";
import type { Duplex } from "node:stream";
import { LINK_FD, WORKER_BIRTH_VARIABLE, type WorkerBirth } from "../../protocol/control.js";
import { guardChannel, sendConnection } from "./channel-guard.js";
import type { Launch, ProcessListener, WorkerEnd, WorkerProcess } from "./contract.js";

export interface LaunchOptions {
  /** Absolute: under PM2 argv names PM2's own file. */
  readonly workerFile: string;
  /** The names of variables that workers do not get. */
  readonly withheld: readonly string[];
  /** What all workers of this host are told at their birth. */
  readonly host: Pick<WorkerBirth, "hostTag" | "hostId" | "runDirectory">;
}

/** Meant for the primary alone: a service manager would take a worker's word for ours, and ours is not a worker's. */
const PRIMARY_ONLY = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

const NO_PROCESS: WorkerProcess = { pid: undefined, link: undefined, send: () => {}, kill: () => {} };

/** A process that has closed its IPC channel gets this long to end. */
const CHANNEL_LOST_MS = 1_000;

export function createLaunch({ workerFile, withheld, host }: LaunchOptions): Launch {
  cluster.setupPrimary({
    exec: workerFile,
    args: [],
    serialization: "json",
    stdio: ["inherit", "inherit", "inherit", "ipc", "pipe"],
  });
  return (identity, settings, listener) => {
    const birth: WorkerBirth = { ...host, ...identity, primaryPid: process.pid, settings };
    try {
      return forkedProcess(cluster.fork(environment(birth, withheld)), listener);
    } catch (error) {
      return failedFork(error as Error, listener);
    }
  };
}

function environment(birth: WorkerBirth, withheld: readonly string[]): Record<string, string | undefined> {
  const removed = Object.fromEntries([...PRIMARY_ONLY, ...withheld].map((name) => [name, undefined]));
  return { ...removed, [WORKER_BIRTH_VARIABLE]: JSON.stringify(birth) };
}

function forkedProcess(worker: Worker, listener: ProcessListener): WorkerProcess {
  const child = worker.process;
  // Node tells some failures here and on the child; whichever matters ends in 'exit' or in a missing pid.
  worker.on("error", (error) => {
    if (child.pid !== undefined) return;
    discard(worker);
    listener.onExit({ forkError: error });
  });
  if (child.pid === undefined) return NO_PROCESS;
  guardChannel(child, listener);
  watchEnd(worker, listener);
  return {
    pid: child.pid,
    link: child.stdio[LINK_FD] as unknown as Duplex,
    send: (message, socket) => sendConnection(child, message, socket),
    kill: () => void child.kill("SIGKILL"),
  };
}

/** By 'exit', because 'close' waits for pipes that a grandchild may have inherited. */
function watchEnd({ process: child }: Worker, listener: ProcessListener): void {
  let deadline: NodeJS.Timeout | undefined;
  child.once("disconnect", () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    deadline = setTimeout(() => listener.onMisbehaviour("its IPC channel is closed"), CHANNEL_LOST_MS);
  });
  child.once("exit", (code, signal) => {
    clearTimeout(deadline);
    listener.onExit(endOf(code, signal));
  });
}

function endOf(code: number | null, signal: NodeJS.Signals | null): WorkerEnd {
  return signal ? { signal } : { code: code ?? 0 };
}

function failedFork(error: Error, listener: ProcessListener): WorkerProcess {
  setImmediate(() => listener.onExit({ forkError: error }));
  return NO_PROCESS;
}

/** Node keeps a worker listed whose fork has failed, and its pipes open. */
function discard({ id, process: child }: Worker): void {
  if (cluster.workers) delete cluster.workers[id];
  if (child.connected) child.disconnect();
  (child.stdio as ChildProcess["stdio"] | undefined)?.[LINK_FD]?.destroy();
}
