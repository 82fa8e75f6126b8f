/**
 * When a slot whose worker has died may fork again. The first time almost at once, because most crashes are alone; each
 * further one waits twice as long, so that a worker that cannot live costs little; a worker that has lived well makes
 * the next crash a first one again. Pure.
 */

export interface Restart {
  /** Deaths in a row, none of which had lived well before. */
  readonly deaths: number;
  readonly notBeforeMs: number;
}

export const UNHARMED: Restart = { deaths: 0, notBeforeMs: 0 };

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 30_000;
/** Serving this long, a worker has lived well. */
const LIVED_WELL_MS = 10_000;

/** `servedMs` is 0 for a worker that was never ready. `chance`, from 0 to 1, keeps slots that died together apart. */
export function afterDeath(before: Restart, nowMs: number, servedMs: number, chance = Math.random()): Restart {
  const earlier = servedMs >= LIVED_WELL_MS ? 0 : before.deaths;
  const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** earlier) * (0.75 + chance / 4);
  return { deaths: earlier + 1, notBeforeMs: nowMs + delayMs };
}
