/** One clock for all processes of a machine, which nobody sets: what one does after it has heard of another is later by it. */

export function machineTimeUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
