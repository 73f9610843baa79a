/** Checks a part of a document against its type. */
import type * as z from 'zod';
import type { Problem } from '../base/problem.ts';
import type { Refused } from './doubts.ts';
import { innermost, problemsOf } from './issues.ts';
import { repair } from './repair.ts';
import type { Path, YamlDocument } from './yaml.ts';

/**
 * The typed value, and every problem at its place.
 * Where there are problems the value is what is left without the `refused` parts; `refused` are also those that
 * the document says twice.
 */
export function checkShape<T>(
  schema: z.ZodType<T>,
  document: YamlDocument,
  value: unknown = document.value,
): { readonly value?: T; readonly problems: readonly Problem[]; readonly refused: readonly Refused[] } {
  const result = schema.safeParse(value);
  const refusedAt = (paths: readonly Path[]) => paths.map((path) => ({ document, path }));
  const twice = refusedAt(document.twice);
  if (result.success) return { value: result.data, problems: [], refused: twice };
  const { issues } = result.error;
  const rest = repair(schema, value, issues);
  return {
    ...(rest.value !== undefined && { value: rest.value }),
    problems: issues.flatMap(innermost).flatMap((issue) => problemsOf(issue, schema, document)),
    refused: [...twice, ...refusedAt(rest.refused)],
  };
}
