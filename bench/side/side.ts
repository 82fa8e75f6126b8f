/**
 * Starts and stops one side: a primary and its workers, as a process tree of its own. Runs in the orchestrator; what a
 * side is made of stands in the table below, and nothing else depends on which side it is.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { isAlive, processTree } from "../measure/process-tree.js";

/** "recovery" is Holdfast with recovery on. */
export type SideName = "holdfast" | "recovery" | "recipe" | "plain";

export interface Launch {
  readonly workers: number;
  /** The built primary.js that is measured. */
  readonly holdfast: string;
  /** Lets `collectGarbage` work; off where CPU is measured. */
  readonly collectable?: boolean;
}

export interface Side {
  readonly name: SideName;
  readonly url: string;
  /** The primary first. */
  readonly pids: readonly number[];
  collectGarbage(): void;
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;
const POLL_MS = 20;

const COMMAND: Record<SideName, (launch: Launch) => string[]> = {
  holdfast: (launch) => holdfastCommand(launch),
  recovery: (launch) => [...holdfastCommand(launch), "--recovery", "on"],
  recipe: ({ workers }) => [file("recipe-server.mjs"), String(workers)],
  plain: ({ workers }) => [file("plain-cluster-server.mjs"), String(workers)],
};

function holdfastCommand({ holdfast, workers }: Launch): string[] {
  return [
    ...[holdfast, file("bench-app.mjs"), "--workers", String(workers), "--host", "127.0.0.1", "--port", "0"],
    ...["--manage", "127.0.0.1:0", "--log-format", "json", "--drain-timeout", "2s"],
  ];
}

export class SideFailed extends Error {
  override readonly name = "SideFailed";
}

export async function startSide(name: SideName, launch: Launch): Promise<Side> {
  const root = spawn(process.execPath, COMMAND[name](launch), {
    env: environment(launch),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const endWithUs = () => root.kill("SIGKILL");
  process.once("exit", endWithUs);
  root.once("exit", () => process.off("exit", endWithUs));
  try {
    const url = await readyUrl(name, root);
    const pids = processTree(root.pid as number);
    return {
      name,
      url,
      pids,
      collectGarbage: () => signalAll(pids, "SIGWINCH"),
      stop: () => stop(root, pids),
    };
  } catch (error) {
    endWithUs();
    throw error;
  }
}

function environment({ collectable }: Launch): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _inherited, ...env } = process.env;
  if (!collectable) return env;
  return { ...env, NODE_OPTIONS: `--import=${new URL("collect-on-signal.mjs", import.meta.url)}` };
}

/** Goes on reading what the side prints afterwards, so that it never waits for a full pipe. */
function readyUrl(name: SideName, root: ChildProcess): Promise<string> {
  const lines = createInterface({ input: root.stdout as Readable });
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new SideFailed(`${name} ${what}`));
    const timer = setTimeout(fail, READY_WITHIN_MS, `was not ready within ${READY_WITHIN_MS} ms`);
    root.once("exit", (code) => {
      clearTimeout(timer);
      fail(`exited with code ${code} before it was ready`);
    });
    lines.on("line", (line) => {
      const url = urlOf(line);
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}

function urlOf(line: string): string | undefined {
  try {
    const { event, url } = JSON.parse(line);
    return event === "ready" ? url : undefined;
  } catch {
    return undefined;
  }
}

async function stop(root: ChildProcess, pids: readonly number[]): Promise<void> {
  root.kill("SIGTERM");
  const deadline = performance.now() + STOPPED_WITHIN_MS;
  while (pids.some(isAlive)) {
    if (performance.now() > deadline) signalAll(pids.filter(isAlive), "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) process.kill(pid, signal);
}

function file(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
