/**
 * A problem is the user's to solve: it says what, where and how. It is a value, shown without a stack;
 * checks of user input return all of them at once.
 */
import type { ProblemCode } from './codes.ts';

/** A place in a text. Lines and columns count from 1; columns and length in UTF-16 code units. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** How many characters the caret underlines, 1 where absent. */
  readonly length?: number;
}

export type Severity = 'error' | 'warning';

export interface Problem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  /** One sentence: what is wrong. */
  readonly message: string;
  readonly at?: Location;
  /** What stands at the caret: shown behind it. */
  readonly label?: string;
  /** How to solve it. */
  readonly hint?: string;
  /** Other places that belong to it: the second half of a conflict. */
  readonly related?: readonly { readonly at: Location; readonly message: string }[];
}

/** What a check of outside input returns: every problem, and the value where it could be had. */
export interface Checked<T> {
  readonly value?: T;
  readonly problems: readonly Problem[];
}

export const hasErrors = (problems: readonly Problem[]): boolean => problems.some((p) => p.severity === 'error');

/** More than anyone reads; a hostile file has one for every line. */
const PROBLEMS_MAX = 1_000;

/** Of very many the first, and how many more there are. */
export function limited(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= PROBLEMS_MAX) return problems;
  const rest = problems.slice(PROBLEMS_MAX);
  const { at } = rest[0]!;
  const more = `and ${rest.length} more problems`;
  return [
    ...problems.slice(0, PROBLEMS_MAX),
    { code: 'conf-syntax', severity: hasErrors(rest) ? 'error' : 'warning', message: more, ...(at && { at }) },
  ];
}
