/**
 * The templates of a router's files, compiled once for all routers.
 *
 * Handlebars is told to be strict, to know no helpers but ours, and to escape nothing; every context, a partial's
 * too, is guarded (strict-context.ts). A marker before each statement of the tree notes where rendering is, so
 * whatever is thrown has a place, also inside partials, where Handlebars itself names none.
 */
import Handlebars from 'handlebars';
import type { Checked, Location, Problem } from '../base/problem.ts';
import { didYouMean, suggest } from '../base/suggest.ts';
import { strictContext, UnknownName } from './strict-context.ts';
import {
  HELPERS,
  locationOf,
  markStatements,
  type Program,
  parseTemplate,
  partialsCalled,
  placeOfName,
  type Statement,
  type TemplateSource,
} from './template-syntax.ts';

/** Templates by their path below `templates/`, without `.hbs`: `etc/keepalived/keepalived.conf`. */
export type TemplateSources = ReadonlyMap<string, TemplateSource>;

export interface Templates {
  /** The file that the template of this name makes of the data. A problem is at a place in a template. */
  readonly render: (name: string, context: object) => Checked<string>;
}

/** What is printed in a template by `{{quote value}}`; it throws where the value cannot stand in the file. */
export type Quote = (value: string) => string;

/**
 * Compiles all of them; every one that is wrong is a problem. Each may be called as a partial by its name.
 * @param roots the templates that files are made of; one that none of them needs is warned of
 */
export function compileTemplates(sources: TemplateSources, roots: readonly string[], quote: Quote): Checked<Templates> {
  const problems: Problem[] = [];
  const programs = new Map<string, Program>();
  for (const [name, source] of sources) {
    const parsed = parseTemplate(source, [...sources.keys()]);
    problems.push(...parsed.problems);
    if (parsed.value) programs.set(name, parsed.value);
  }
  if (problems.length > 0) return { problems };
  return { value: linkTemplates(programs, sources, quote), problems: unusedTemplates(programs, sources, roots) };
}

/** A file of the user's that changes nothing: most often an override whose path is misspelt. */
function unusedTemplates(
  programs: ReadonlyMap<string, Program>,
  sources: TemplateSources,
  roots: readonly string[],
): Problem[] {
  const called = new Set(roots);
  for (const program of programs.values()) {
    const names = partialsCalled(program);
    if (!names) return [];
    for (const name of names) called.add(name);
  }
  const unused = [...sources].filter(([name, { own }]) => own && !called.has(name));
  return unused.map(([name, { file }]) => {
    const meant = suggest(name, called);
    return {
      code: 'template-unused',
      severity: 'warning',
      message: 'no file is made of this template and no template calls it',
      at: { file, line: 1, column: 1 },
      hint: meant ? `did you mean ${meant}.hbs?` : 'to take the place of a shipped template, give it the same path',
    };
  });
}

function linkTemplates(programs: ReadonlyMap<string, Program>, sources: TemplateSources, quote: Quote): Templates {
  const statements: { readonly file: string; readonly statement: Statement }[] = [];
  /** The statement that is being rendered: an index into `statements`. */
  let current = 0;

  const handlebars = Handlebars.create();
  handlebars.unregisterHelper('log');
  handlebars.registerHelper('quote', (value: unknown, ...rest: readonly unknown[]) => {
    // Handlebars adds an argument of its own.
    if (typeof value !== 'string' || rest.length !== 1) throw new Error('quote takes one text');
    return quote(value);
  });
  handlebars.registerHelper(MARKER, (index: number) => {
    current = index;
    return '';
  });
  const knownHelpers = Object.fromEntries([...HELPERS, MARKER].map((name) => [name, true]));
  const options = {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: { ...knownHelpers, log: false },
  };

  const compiled = new Map<string, Handlebars.TemplateDelegate>();
  for (const [name, program] of programs) {
    const file = sources.get(name)!.file;
    markStatements(program, (statement) => marker(statement, statements.push({ file, statement }) - 1));
    const template = handlebars.compile(program, options);
    compiled.set(name, template);
    // A partial called with arguments gets a plain copy of its context: it is guarded again.
    handlebars.registerPartial(name, (context, runtime) => template(strictContext(context), runtime));
  }

  const problemOf = (error: unknown): Problem => {
    const { file, statement } = statements[current]!;
    return describe(error as Error, locationOf(file, statement), (name) => placeOfName(file, statement, name));
  };
  return {
    render: (name, context) => {
      try {
        return { value: compiled.get(name)!(strictContext(context)), problems: [] };
      } catch (error) {
        return { problems: [problemOf(error)] };
      }
    },
  };
}

/** No name that a template could write: a helper of ours in the tree only. */
const MARKER = '#at';

const marker = ({ loc }: Statement, index: number) => ({
  type: 'MustacheStatement',
  path: { type: 'PathExpression', data: false, depth: 0, parts: [MARKER], original: MARKER, loc },
  params: [{ type: 'NumberLiteral', value: index, original: index, loc }],
  escaped: false,
  strip: { open: false, close: false },
  loc,
});

function describe(error: Error, at: Location, placeOf: (name: string) => Location): Problem {
  if (error instanceof UnknownName) {
    const hint = didYouMean(error.unknown, error.near) ?? `known here: ${error.near.join(', ')}`;
    return {
      code: 'template-unknown-name',
      severity: 'error',
      message: error.message,
      at: placeOf(error.unknown),
      hint,
    };
  }
  if (error instanceof RangeError) {
    return { code: 'template-failed', severity: 'error', message: 'the partials call each other without end', at };
  }
  const asked = NAME_OF_NOTHING.exec(error.message)?.[1];
  if (asked !== undefined) {
    const message = `"${asked}" is not known here: this is a text, or the top, and not a group of values`;
    return { code: 'template-unknown-name', severity: 'error', message, at: placeOf(asked) };
  }
  return { code: 'template-failed', severity: 'error', message: error.message, at };
}

/** What V8 says of `{{this.name}}` in a list of texts (the text, maybe a secret, with it), and Handlebars of `{{../name}}`. */
const NAME_OF_NOTHING = /^(?:Cannot use 'in' operator to search for '|")([^'"]*)(?:' in |" not defined in )/;
