/**
 * Ends this process when the primary is gone, even while the app spins in a loop: the main thread then hears neither the
 * end of the link nor a signal, so a thread of its own looks for the parent's death. It costs about as much memory as
 * an empty isolate; its code is a string because a worker thread has no business with the rest of the program.
 */
import { Worker } from "node:worker_threads";

const POLL_MS = 1_000;

/** An orphan is given to another parent, so `ppid` differs. Only a Unix process does that in any case. */
const WATCH = `
  const { workerData } = require("node:worker_threads");
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (process.ppid === workerData.primaryPid) Atomics.wait(never, 0, 0, workerData.pollMs);
  process.kill(process.pid, "SIGKILL");
`;

export function startWatchdog(primaryPid: number): void {
  const thread = new Worker(WATCH, {
    eval: true,
    workerData: { primaryPid, pollMs: POLL_MS },
    // What the loop needs; the defaults would reserve and fill more.
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
    env: {},
    execArgv: [],
    stdin: false,
    stdout: false,
    stderr: false,
  });
  thread.unref();
}
