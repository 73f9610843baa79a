/** The syntax of one template: parsed, checked for what would fail or pass in silence later, its places found. */
import Handlebars from 'handlebars';
import type { Checked, Location, Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';

export type Program = hbs.AST.Program;
/** What a template does at one place: prints, branches, loops, or calls a partial. */
export type Statement =
  | hbs.AST.MustacheStatement
  | hbs.AST.BlockStatement
  | hbs.AST.PartialStatement
  | hbs.AST.PartialBlockStatement;

/** Names that templates may call: Handlebars' own but `log`, which would write to the screen, and ours. */
export const HELPERS: readonly string[] = ['if', 'unless', 'each', 'with', 'lookup', 'quote'];
const DATA_NAMES: readonly string[] = ['root', 'index', 'key', 'first', 'last', 'partial-block'];

export interface TemplateSource {
  /** The file as problems name it. */
  readonly file: string;
  readonly text: string;
  /** The user's, not the shipped one. */
  readonly own: boolean;
}

/** Blocks inside blocks: people lose count long before; Handlebars takes a minute for 8,000. */
const NESTING_MAX = 50;

/**
 * The template's tree, or why it is none.
 * @param partials the names that it may call
 */
export function parseTemplate(source: TemplateSource, partials: readonly string[]): Checked<Program> {
  const tooDeep = findTooDeep(source);
  if (tooDeep) return { problems: [tooDeep] };
  try {
    const program = Handlebars.parse(source.text);
    const problems = checkTemplate(source.file, program, partials);
    return { ...(problems.length === 0 && { value: program }), problems };
  } catch (error) {
    const { message, at } = readSyntaxError(source, error as Error);
    return { problems: [{ code: 'template-syntax', severity: 'error', message, at }] };
  }
}

/** Looked for in the text, since parsing itself is what takes so long. */
function findTooDeep({ file, text }: TemplateSource): Problem | undefined {
  let depth = 0;
  /** How much deeper each open block has made it: every `else if` is a block inside the one before. */
  const open: number[] = [];
  for (const { index, 1: sign } of text.matchAll(/\{\{~?(#|\/|else\s+\w)/g)) {
    if (sign === '/') depth -= open.pop() ?? 0;
    else {
      if (sign === '#') open.push(1);
      else open.push((open.pop() ?? 0) + 1);
      depth++;
    }
    if (depth <= NESTING_MAX) continue;
    const before = text.slice(0, index).split('\n');
    const at = { file, line: before.length, column: before.at(-1)!.length + 1 };
    const message = `blocks are nested more than ${NESTING_MAX} deep`;
    return { code: 'template-syntax', severity: 'error', message, at };
  }
  return undefined;
}

/** Unknown helpers, partials and @names, and inline partials, which would escape the strict context. */
function checkTemplate(file: string, program: Program, partials: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const report = (node: hbs.AST.Node, message: string, hint?: string) =>
    problems.push({
      code: 'template-syntax',
      severity: 'error',
      message,
      at: locationOf(file, node),
      ...(hint === undefined ? {} : { hint }),
    });

  const checkExpression = (node: hbs.AST.Node): void => {
    if (isPath(node)) {
      const name = node.parts[0] ?? '';
      if (node.data && !DATA_NAMES.includes(name))
        report(node, `@${name} does not exist`, didYouMean(name, DATA_NAMES));
      return;
    }
    if (node.type === 'SubExpression') checkCall(node as hbs.AST.SubExpression);
  };
  const checkCall = (node: { path: hbs.AST.Node; params: hbs.AST.Node[]; hash?: hbs.AST.Hash; type: string }): void => {
    const hasArguments = node.params.length > 0 || (node.hash?.pairs.length ?? 0) > 0 || node.type === 'SubExpression';
    const name = isPath(node.path) ? node.path.original : '';
    if (hasArguments && !HELPERS.includes(name)) {
      report(node.path, `there is no helper "${name}"`, didYouMean(name, HELPERS) ?? `helpers: ${HELPERS.join(', ')}`);
    }
    checkExpression(node.path);
    for (const argument of argumentsOf(node)) checkExpression(argument);
  };

  for (const statement of statementsOf(program)) {
    if (statement.type === 'PartialStatement' || statement.type === 'PartialBlockStatement') {
      const name = isPath(statement.name) ? statement.name.original : undefined;
      if (name !== undefined && name !== '@partial-block' && !partials.includes(name)) {
        report(statement.name, `there is no partial "${name}"`, didYouMean(name, partials));
      }
      if (!isPath(statement.name)) checkExpression(statement.name);
      for (const argument of argumentsOf(statement)) checkExpression(argument);
    } else if (/^Decorator/.test(statement.type)) {
      report(statement, 'inline partials are not supported', 'put it into a file of its own under templates/partials/');
    } else {
      checkCall(statement);
    }
  }
  return problems;
}

/** The partials that a template calls by name; undefined where it works out a name as it runs. */
export function partialsCalled(program: Program): readonly string[] | undefined {
  const names: string[] = [];
  for (const statement of statementsOf(program)) {
    if (!('name' in statement)) continue;
    if (!isPath(statement.name)) return undefined;
    names.push(statement.name.original);
  }
  return names;
}

/** Puts `marker(statement)` before every statement of the tree, in place. */
export function markStatements(program: Program, marker: (statement: Statement) => hbs.AST.Statement): void {
  program.body = program.body.flatMap((node) => {
    if (!isStatement(node)) return [node];
    for (const inner of programsOf(node)) markStatements(inner, marker);
    return [marker(node), node];
  });
}

/** Where a name stands in a statement (not in the blocks inside it); the statement's own place where it does not. */
export function placeOfName(file: string, statement: Statement, name: string): Location {
  const expressions: hbs.AST.Node[] = [nameOf(statement), ...argumentsOf(statement)];
  for (const node of expressions) {
    if (isPath(node) && node.parts.includes(name)) {
      const at = locationOf(file, node);
      const offset = node.original.lastIndexOf(name);
      return { ...at, column: at.column + Math.max(0, offset), length: name.length };
    }
    if (node.type === 'SubExpression') {
      const { path, ...call } = node as hbs.AST.SubExpression;
      expressions.push(path, ...argumentsOf(call));
    }
  }
  return locationOf(file, statement);
}

/** Handlebars counts columns from 0. */
export function locationOf(file: string, { loc }: hbs.AST.Node): Location {
  const length = loc.end.line === loc.start.line ? loc.end.column - loc.start.column : 1;
  return { file, line: loc.start.line, column: loc.start.column + 1, length: Math.max(1, length) };
}

function* statementsOf(program: Program): Generator<Statement> {
  for (const node of program.body) {
    if (!isStatement(node)) continue;
    yield node;
    for (const inner of programsOf(node)) yield* statementsOf(inner);
  }
}

const isPath = (node: hbs.AST.Node): node is hbs.AST.PathExpression => node.type === 'PathExpression';
const isStatement = (node: hbs.AST.Node): node is Statement => !/^(Content|Comment)Statement$/.test(node.type);
const nameOf = (statement: Statement): hbs.AST.Node => ('name' in statement ? statement.name : statement.path);

const argumentsOf = (node: { params: hbs.AST.Node[]; hash?: hbs.AST.Hash }): hbs.AST.Node[] => [
  ...node.params,
  ...(node.hash?.pairs ?? []).map((pair) => pair.value),
];

/** A block's own part and its `else` part, where it has them. */
const programsOf = (statement: Statement): Program[] => {
  const { program, inverse } = statement as { program?: Program; inverse?: Program };
  return [program, inverse].filter((part) => part !== undefined);
};

/**
 * Handlebars throws two kinds: its own with a line and column, and its parser's, which is three lines of text: the
 * last accepted token's line, an excerpt without line breaks, and a caret. The excerpt is looked up in the text.
 */
function readSyntaxError({ file, text }: TemplateSource, error: Error): { message: string; at: Location } {
  if (error instanceof RangeError)
    return { message: 'its calls are nested too deeply', at: { file, line: 1, column: 1 } };
  const { lineNumber, column } = error as { lineNumber?: number; column?: number };
  if (lineNumber !== undefined && column !== undefined) {
    const message = error.message.replace(/ - \d+:\d+$/, '');
    return { message, at: { file, line: lineNumber, column: column + 1 } };
  }
  const [head = '', excerpt = '', caret = '', detail = ''] = error.message.split('\n');
  const line = Number(/^Parse error on line (\d+)/.exec(head)?.[1] ?? 1);
  const got = /got '(\w+)'$/.exec(detail)?.[1];
  const message = got === 'EOF' ? 'the template ends inside a block or an expression' : 'this is not Handlebars';
  return { message, at: { file, ...findExcerpt(text, line, excerpt, caret.length - 1) } };
}

function findExcerpt(text: string, fromLine: number, excerpt: string, caret: number): { line: number; column: number } {
  const lines = text.split('\n');
  const from = lines.slice(0, fromLine - 1).join('').length;
  const joined = lines.join('');
  const cut = excerpt.startsWith('...') ? 3 : 0;
  const shown = excerpt.slice(cut).replace(/\.\.\.$/, '');
  // The excerpt begins at most 20 characters before the error, so on an earlier line at most that far back.
  const found = joined.indexOf(shown, Math.max(0, from - 20));
  let offset = found < 0 ? from : found + caret - cut;
  for (const [index, { length }] of lines.entries()) {
    if (offset < length || index === lines.length - 1) return { line: index + 1, column: Math.min(offset, length) + 1 };
    offset -= length;
  }
  return { line: fromLine, column: 1 };
}
