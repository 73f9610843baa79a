/**
 * What is left of a document without the values that were refused, so that one mistake does not hide the others:
 * the rest is checked in the same run. What rests on a refused value is held back (`doubts.ts`).
 */
import type * as z from 'zod';
import { suggest } from '../base/suggest.ts';
import { innermost, keysAt, valueAt } from './issues.ts';
import type { Path } from './yaml.ts';

type Issue = z.core.$ZodIssue;

/** Lists of lines: of these a refused item leaves its place empty, so that the others keep theirs. */
const LINES: ReadonlySet<unknown> = new Set(['vips', 'routes', 'rules']);
const EMPTY_LINE = '';
/** A required value takes its map with it, that one its map in turn: deeper than any inventory is (8 levels). */
const ATTEMPTS_MAX = 10;

/**
 * The value with every refused part null, as if nobody had said it.
 * @returns no value where the whole of it is wrong; `refused`: the paths of the parts
 */
export function repair<T>(
  schema: z.ZodType<T>,
  value: unknown,
  found: readonly Issue[],
): { readonly value?: T; readonly refused: readonly Path[] } {
  const refused: Path[] = [];
  // What an alias brings is wrong in one place and may be right in another: each place gets its own.
  const rest: unknown = JSON.parse(JSON.stringify(value ?? null));
  let issues = found;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    for (const issue of issues.flatMap(innermost)) strike(rest, issue, schema, refused);
    const result = schema.safeParse(rest);
    if (result.success) return { value: result.data, refused };
    issues = result.error.issues;
  }
  return { refused };
}

function strike(root: unknown, issue: Issue, schema: z.ZodType, refused: Path[]): void {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      const map = valueAt(root, path) as Record<string, unknown> | undefined;
      if (map) delete map[key];
      const meant = suggest(key, keysAt(schema, path));
      if (meant !== undefined) refused.push([...path, meant]);
    }
    return;
  }
  for (let end = path.length; end > 0; end--) {
    const key = path[end - 1]!;
    const parent = valueAt(root, path.slice(0, end - 1));
    if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) continue;
    if (Array.isArray(parent) && !LINES.has(path[end - 2])) continue;
    const without = Array.isArray(parent) ? EMPTY_LINE : null;
    if (Reflect.get(parent, key) === without) continue;
    if (issue.code === 'invalid_key') Reflect.deleteProperty(parent, key);
    else Reflect.set(parent, key, without);
    refused.push(path.slice(0, end));
    return;
  }
}
