import { distance } from 'fastest-levenshtein';

/** The candidate that was probably meant, or undefined where none is near: at most a third of its letters differ. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LENGTH_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    // Nothing that differs more in length is nearer: it need not be compared letter by letter.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const d = distance(word.toLowerCase(), candidate.toLowerCase());
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}

/** Nobody mistypes so long a word, and comparing takes the square of its length. */
const LENGTH_MAX = 64;

/** The hint that goes with a wrong word: `did you mean "priority"?`, or undefined. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const near = suggest(word, candidates);
  return near === undefined ? undefined : `did you mean "${near}"?`;
}
