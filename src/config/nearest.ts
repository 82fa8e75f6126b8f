/** Finds the name that was probably meant, for flags, variables and keys that do not exist. Pure. */

const MOST_EDITS = 3;
/** More than this share of the longer word must be right, or the guess confuses. */
const LEAST_LIKENESS = 0.5;

export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const name of candidates) {
    const edits = editDistance(word.toLowerCase(), name.toLowerCase());
    const likeness = 1 - edits / Math.max(word.length, name.length);
    if (edits > MOST_EDITS || likeness <= LEAST_LIKENESS) continue;
    if (best === undefined || edits < best.edits) best = { name, edits };
  }
  return best?.name;
}

/** The tail of a message about a name that does not exist. */
export function didYouMean(name: string | undefined): string {
  return name === undefined ? "" : ` (did you mean ${name}?)`;
}

/** Insertions, deletions, substitutions, and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + differs);
      if (swapped) row[j] = Math.min(at(row, j), at(beforeLast, j - 2) + 1);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
