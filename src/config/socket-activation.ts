/**
 * The listening socket that systemd passes to a service it starts for a socket unit: sd_listen_fds(3). Read in the
 * primary only, which must make the environment forget it before it forks.
 */

const FIRST_FD = 3;
const VARIABLES = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/** The first socket passed to this process; undefined when there is none, or it was meant for another process. */
export function inheritedSocket(env: NodeJS.ProcessEnv, pid: number): { fd: number; passed: number } | undefined {
  const passed = Number(env.LISTEN_FDS);
  if (env.LISTEN_PID !== String(pid) || !Number.isInteger(passed) || passed < 1) return undefined;
  return { fd: FIRST_FD, passed };
}

/** Call it on `process.env` before the first fork: workers, and what an app starts, must not believe it is theirs. */
export function forgetInheritedSockets(env: NodeJS.ProcessEnv): void {
  for (const name of VARIABLES) delete env[name];
}
