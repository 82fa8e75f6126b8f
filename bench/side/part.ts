/**
 * One process tree of a side: started, known to be ready, stopped. Runs in the orchestrator; what a part is made of is
 * its starter's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { isAlive, processTree } from "../measure/process-tree.js";

const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;
const POLL_MS = 20;

export interface Part {
  readonly url: string;
  /** The one that was started first, then all below it. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

export interface PartCommand {
  readonly what: string;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Where it listens when it is ready; without, it prints a ready line that tells. */
  readonly port?: number;
}

export class SideFailed extends Error {
  override readonly name = "SideFailed";
}

export async function startPart({ what, command, env = process.env, port }: PartCommand): Promise<Part> {
  const [file, ...args] = command as [string, ...string[]];
  const root = spawn(file, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const endWithUs = () => root.kill("SIGKILL");
  process.once("exit", endWithUs);
  root.once("exit", () => process.off("exit", endWithUs));
  try {
    const told = readyUrl(what, root);
    const url = port === undefined ? await told : await Promise.race([told, listening(port)]);
    told.catch(() => {});
    const pids = processTree(root.pid as number);
    return { url, pids, stop: () => stop(root, pids) };
  } catch (error) {
    endWithUs();
    throw error;
  }
}

/** Goes on reading what the part prints afterwards, so that it never waits for a full pipe. */
function readyUrl(what: string, root: ChildProcess): Promise<string> {
  const lines = createInterface({ input: root.stdout as Readable });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new SideFailed(`${what} ${why}`));
    const timer = setTimeout(fail, READY_WITHIN_MS, `was not ready within ${READY_WITHIN_MS} ms`);
    root.once("error", ({ message }) => fail(message));
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

async function listening(port: number): Promise<string> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    if (await accepts(port)) return `http://127.0.0.1:${port}`;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new SideFailed(`nothing listens on port ${port}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

async function stop(root: ChildProcess, pids: readonly number[]): Promise<void> {
  root.kill("SIGTERM");
  const deadline = performance.now() + STOPPED_WITHIN_MS;
  while (pids.some(isAlive)) {
    if (performance.now() > deadline) for (const pid of pids.filter(isAlive)) process.kill(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
