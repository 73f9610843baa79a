/** Keywords that the model keeps word by word, under `other`. */
import type { OtherLine } from './model.ts';

/** The last one counts, as keepalived sees it. */
export const otherLine = (
  { other = [] }: { readonly other?: readonly OtherLine[] },
  keyword: string,
): OtherLine | undefined => other.findLast((line) => line.keyword === keyword);
