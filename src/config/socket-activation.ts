/**
 * The listening sockets that systemd passes to a service it starts for a socket unit: sd_listen_fds(3). Read in the
 * primary only, which must make the environment forget it before it forks.
 */

const FIRST_FD = 3;
const VARIABLES = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/** The descriptors passed to this process; none when they were meant for another. */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): number[] {
  const passed = Number(env.LISTEN_FDS);
  if (env.LISTEN_PID !== String(pid) || !Number.isInteger(passed) || passed < 1) return [];
  return Array.from({ length: passed }, (_, i) => FIRST_FD + i);
}

/** Call it on `process.env` before the first fork: workers, and what an app starts, must not believe it is theirs. */
export function forgetInheritedSockets(env: NodeJS.ProcessEnv): void {
  for (const name of VARIABLES) delete env[name];
}
