/** How long to wait before the next attempt to connect. Pure. */

const FIRST_MS = 50;
const LONGEST_MS = 400;
/** Of the wait: hosts that lost the same Redis must not all come back in the same moment. */
const JITTER = 0.25;

/** The longest wait after so many failures, whatever the jitter. */
export function longestBackoffMs(failures: number): number {
  return backoffMs(failures, 1);
}

/** `failures` so far, from 1; `random` from 0 to 1. */
export function backoffMs(failures: number, random: number): number {
  const base = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
  return base * (1 - JITTER + 2 * JITTER * random);
}
