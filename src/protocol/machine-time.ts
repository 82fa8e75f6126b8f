/**
 * One clock for all processes of a machine, which nobody sets (CLOCK_MONOTONIC; performance.now() counts from each one's
 * start): what one does after it has heard of another is later by it.
 */

export function machineTimeUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

export function machineTimeMs(): number {
  return Math.floor(machineTimeUs() / 1_000);
}
