/**
 * `pm2 start` runs this: one pm2 process, Holdfast's primary, which forks and watches the workers itself.
 * Name your app in `args`, as on the command line; settings also come from the environment (docs/settings.md).
 */
export const apps = [
  {
    name: "holdfast",
    // Where the app's relative paths start: set it to the app's own directory.
    cwd: import.meta.dirname,
    script: "dist/primary.js",
    args: [],

    // Holdfast is the cluster: a second one around it is refused at start.
    exec_mode: "fork",
    instances: 1,

    // Stop signals the primary alone and leaves it the time to drain (--drain-timeout is 25 s). With pm2's own defaults
    // the workers would get the signal too, and everything would be killed 1.6 s later.
    treekill: false,
    kill_timeout: 30_000,

    // "online" means that the workers are ready. A worker has 30 s to get there.
    wait_ready: true,
    listen_timeout: 40_000,

    // Wrong usage and wrong configuration do not get better by being tried again; anything else may. No restart delay
    // beside it: with one, pm2 7 shows "waiting restart" for ever where it has stopped for good.
    stop_exit_codes: [2, 78],
  },
];
