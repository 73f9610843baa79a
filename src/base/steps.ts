/**
 * Work that can be put down at any `yield` and taken up again: a daemon that must send an advertisement in between
 * does it part by part, everyone else in one go. A part is some dozen lines of a file, far below a millisecond.
 */
export type Steps<T> = Generator<void, T>;

/** A part of a list: so many lines take about a tenth of a millisecond. */
export const STEP_LINES = 64;

/** A list in parts, with a `yield` before each. */
export function partsOf<T>(list: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(list.length / STEP_LINES);
  return Array.from({ length: count }, (_, i) => list.slice(i * STEP_LINES, (i + 1) * STEP_LINES));
}

/** Does the whole work now. */
export function drain<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
