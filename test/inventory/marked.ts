/**
 * Files with their expected problems in them: `⟦code⟧` stands right before the place where the problem is expected
 * and is taken out before the file is read.
 */
import { formatProblem } from '../../src/base/caret.ts';
import { type Loaded, loadFleet } from '../../src/inventory/load.ts';
import type { Tree } from '../../src/inventory/tree.ts';

export interface Marked {
  readonly files: Readonly<Record<string, string>>;
  /** `code file:line:column`, sorted. */
  readonly expected: readonly string[];
}

export function unmark(marked: Readonly<Record<string, string>>): Marked {
  const expected: string[] = [];
  const files = Object.entries(marked).map(([file, text]) => {
    const lines = text.split('\n').map((line, index) => {
      let rest = line;
      for (let found = /⟦(.*?)⟧/.exec(rest); found; found = /⟦(.*?)⟧/.exec(rest)) {
        expected.push(`${found[1]} ${file}:${index + 1}:${found.index + 1}`);
        rest = rest.slice(0, found.index) + rest.slice(found.index + found[0].length);
      }
      return rest;
    });
    return [file, lines.join('\n')];
  });
  return { files: Object.fromEntries(files), expected: expected.sort() };
}

/** Problems as a marked file expects them. */
export const places = (loaded: Pick<Loaded, 'problems'>): string[] =>
  loaded.problems.map(({ code, at }) => (at ? `${code} ${at.file}:${at.line}:${at.column}` : code)).sort();

/** A tree in memory. */
export const memoryTree = (files: Readonly<Record<string, string>>): Tree => ({
  list: (folder) =>
    Object.keys(files)
      .filter((file) => file.startsWith(`${folder}/`))
      .sort(),
  read(path) {
    const text = files[path];
    if (text === undefined) throw new Error('there is no such file');
    return new TextEncoder().encode(text);
  },
});

export const loadFiles = (
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Loaded> => loadFleet('/nowhere', { env, tree: memoryTree(files) });

/** Everything as a user sees it, for messages of failed tests. */
export const shown = (loaded: Loaded): string =>
  loaded.problems.map((problem) => formatProblem(problem, loaded.source)).join('\n');
