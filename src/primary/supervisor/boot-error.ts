/**
 * Why the workers did not come up: what the primary prints to stderr, once, and the code it exits with. Turning what is
 * known of a failed worker into words is all this file does.
 */
import type { WorkerEnd } from "./contract.js";
import type { BootFailure, WorkerHandle } from "./worker-handle.js";

/** The app threw while it loaded; its own message and stack are the text. */
export class AppLoadError extends Error {
  override readonly name = "AppLoadError";
  readonly code = "HOLDFAST_APP_LOAD_FAILED";
  readonly exitCode = 4;
}

/** A worker ended, or stayed silent, before it was ready. */
export class BootError extends Error {
  override readonly name = "BootError";
  readonly code = "HOLDFAST_BOOT_FAILED";
  readonly exitCode = 3;
}

export type StartError = AppLoadError | BootError;

export function bootError(worker: WorkerHandle): StartError {
  const { failure } = worker;
  return failure?.kind === "load-failed" ? new AppLoadError(loadFailure(failure)) : new BootError(whyNotReady(worker));
}

export function whyNotReady({ name, failure, end }: WorkerHandle): string {
  switch (failure?.kind) {
    case undefined:
      return `${name} was ready, but then it ${end ? describeEnd(end) : "had to be killed"}`;
    case "load-failed":
      return loadFailure(failure);
    case "timeout":
      return `${name} failed to boot within ${failure.afterMs / 1_000} s`;
    case "end":
      return `${name} failed to boot: it ${describeEnd(failure.end)}`;
  }
}

/** Reads well behind "it". */
export function describeEnd(end: WorkerEnd): string {
  if ("forkError" in end) return `could not be forked (${end.forkError.message})`;
  return "signal" in end ? `was killed by ${end.signal}` : `exited with code ${end.code}`;
}

function loadFailure({ file, message, stack }: Extract<BootFailure, { kind: "load-failed" }>): string {
  return [`App failed to load: ${file}: ${message}`, stack].filter((line) => line !== "").join("\n");
}
