/** Keywords that the model keeps word by word, under `other`. */
import type { OtherLine } from './model.ts';

interface Kept {
  readonly other?: readonly OtherLine[];
}

/** The last one counts, as keepalived sees it. */
export const otherLine = ({ other = [] }: Kept, keyword: string): OtherLine | undefined =>
  other.findLast((line) => line.keyword === keyword);

/** A yes-or-no keyword: without a word it means yes. Undefined where it is not there. */
export function otherFlag(kept: Kept, keyword: string): boolean | undefined {
  const line = otherLine(kept, keyword);
  return line && !['off', 'false', 'no'].includes(line.args[0] ?? 'on');
}
