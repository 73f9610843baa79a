/** Where templates come from: the shipped folder, and the user's `templates/` whose files take their place. */
import { TextDecoder } from 'node:util';
import { assert } from '../base/assert.ts';
import type { SourceText } from '../base/caret.ts';
import { type Checked, hasErrors, type Problem } from '../base/problem.ts';
import type { Tree } from '../inventory/tree.ts';
import { isPrintable, quote } from '../keepalived/quote.ts';
import type { TemplateSource } from './template-syntax.ts';
import { compileTemplates, type TemplateSources, type Templates } from './templates.ts';

/** The one file that is made of a template, below `templates/` and below the router's root alike. */
export const CONFIG_FILE = 'etc/keepalived/keepalived.conf';

export interface RouterTemplates extends Templates {
  /** The user's own templates, by the file's name: what they change is the user's doing. */
  readonly own: readonly string[];
  /** The text of a template, for excerpts. */
  readonly source: SourceText;
}

export type LoadedTemplates = Checked<RouterTemplates> & Pick<RouterTemplates, 'source'>;

/**
 * The shipped templates, and in their place the user's with the same path.
 * @param shipped the tree of this package
 * @param own the user's tree, with or without a `templates/`
 */
export function loadTemplates(shipped: Tree, own: Tree): LoadedTemplates {
  const ours = readTemplates(shipped, false).value;
  assert(ours.has(CONFIG_FILE), 'the shipped templates are not where they belong');
  const theirs = readTemplates(own, true);
  // In a checkout of Tandem itself the two folders are one.
  const replaced = new Map([...theirs.value].filter(([name, { text }]) => ours.get(name)?.text !== text));
  const sources = new Map([...ours, ...replaced]);
  const compiled = compileTemplates(sources, [CONFIG_FILE], quoteOrFail);
  const problems = [...theirs.problems, ...compiled.problems];
  const texts = new Map([...sources.values()].map(({ file, text }) => [file, text]));
  const source: SourceText = (file) => texts.get(file);
  const value = compiled.value && { ...compiled.value, own: [...replaced.values()].map(({ file }) => file), source };
  return { ...(value && !hasErrors(problems) && { value }), problems, source };
}

/** The inventory refuses such values at their own place; this is for what a template puts together. */
function quoteOrFail(text: string): string {
  if (!isPrintable(text)) throw new Error('a double quote, a control character or a reference cannot be quoted');
  return quote(text);
}

/** A template is read by people: one that is larger is something else. */
const TEMPLATE_BYTES_MAX = 256 * 1024;
/** Ten times what is shipped; more is another kind of folder. */
const TEMPLATE_COUNT_MAX = 200;

function readTemplates(tree: Tree, own: boolean): { value: TemplateSources; problems: readonly Problem[] } {
  const sources = new Map<string, TemplateSource>();
  const problems: Problem[] = [];
  for (const path of tree.list(FOLDER, { deep: true })) {
    if (!path.endsWith('.hbs')) continue;
    const file = own ? path : `<tandem>/${path}`;
    try {
      if (sources.size === TEMPLATE_COUNT_MAX) throw new Error(`there are more than ${TEMPLATE_COUNT_MAX} templates`);
      const text = new TextDecoder('utf-8', { fatal: true }).decode(tree.read(path, TEMPLATE_BYTES_MAX));
      sources.set(path.slice(FOLDER.length + 1, -'.hbs'.length), { file, text, own });
    } catch (error) {
      const message = `the template cannot be read: ${(error as Error).message}`;
      problems.push({ code: 'template-file', severity: 'error', message, at: { file, line: 1, column: 1 } });
    }
  }
  return { value: sources, problems };
}

const FOLDER = 'templates';
