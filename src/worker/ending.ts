/** What ends a worker process beside its drain, and what does not. */

export interface EndingLog {
  fatal(fields: object, text: string): void;
}

/** A terminal sends these to the whole group of processes; what they mean is the primary's to decide. */
const TERMINAL_SIGNALS = ["SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGTTIN", "SIGTTOU"] as const;

export function ignoreTerminalSignals(): void {
  for (const signal of TERMINAL_SIGNALS) process.on(signal, () => {});
}

/** As Node does by itself, with exit code 1, but as one line of the log. An app's own listener is left to decide. */
export function exitOnUncaught(log: EndingLog): void {
  process.on("uncaughtException", (error, origin) => {
    if (process.listenerCount("uncaughtException") > 1) return;
    const what = origin === "unhandledRejection" ? "an unhandled rejection" : "an uncaught exception";
    log.fatal({ event: "worker-crash", origin, err: error }, `the worker ends after ${what}: ${describe(error)}`);
    process.exit(1);
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
