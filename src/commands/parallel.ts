/** Many pairs at a time, but not all. */
import { EXIT, Stop } from './exit.ts';

/**
 * The results of `work` for each item, in their order; at most `limit` at a time. After an error nothing more is
 * begun; what is under way comes to its end first, since nobody would look after it any more.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const errors: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length && errors.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, index);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}

/** Reads a count given on the command line: 1 or more. */
export function countOf(option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Stop(EXIT.error, `${option} ${text}: a whole number from 1 is needed`);
}
