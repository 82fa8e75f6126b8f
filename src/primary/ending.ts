/**
 * How the primary ends: with which exit code, and what it says on stderr. Every failure of the contract is an error with
 * an `exitCode`; any other is ours, and ends with 1.
 */
import type { Logger } from "../log/logger.js";

/** Prints why, once, and exits. An app's own error is shown as it is, all others behind our name. */
export function endWith(error: unknown): never {
  const { exitCode, message, stack, name } = error as Error & { exitCode?: number };
  const text = exitCode === undefined ? `internal error: ${stack ?? error}` : message;
  process.stderr.write(name === "AppLoadError" ? `${text}\n` : `holdfast: ${text}\n`);
  process.exit(exitCode ?? 1);
}

/** From here on, an error that nobody caught takes the workers along: none may live on without a primary. */
export function endOnOwnError(log: Logger, killWorkers: () => void): void {
  const end = (err: unknown) => {
    log.fatal({ event: "internal-error", err }, "internal error, Holdfast ends");
    killWorkers();
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

/** PM2's cluster mode, say, runs its file as a worker of its own, and there its ports would be PM2's. */
export class ClusterModeError extends Error {
  override readonly name = "ClusterModeError";
  readonly code = "HOLDFAST_CLUSTER_MODE";
  readonly exitCode = 2;

  constructor() {
    super(
      'Holdfast forks its own workers and cannot be a cluster worker: under PM2 use exec_mode "fork", instances 1, and --workers',
    );
  }
}

/** This Node cannot run us. */
export class NodeVersionError extends Error {
  override readonly name = "NodeVersionError";
  readonly code = "HOLDFAST_NODE_VERSION";
  readonly exitCode = 78;
}
