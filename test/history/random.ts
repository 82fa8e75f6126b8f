/** Choices that a seed repeats. */
export interface Random {
  /** From 0 up to, not including, `limit`. */
  below(limit: number): number;
  between(from: number, to: number): number;
  one<T>(choices: readonly T[]): T;
  /** True with this probability. */
  chance(probability: number): boolean;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    between: (from, to) => from + below(to - from + 1),
    one: (choices) => choices[below(choices.length)] as never,
    chance: (probability) => next() < probability,
  };
}
