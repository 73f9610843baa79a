/** Prints problems as people read them: what, where with a caret under the text, how to solve it. */
import type { Location, Problem } from './problem.ts';

/** Gives the text of a file that a Location names, or undefined where it cannot be had. */
export type SourceText = (file: string) => string | undefined;

/** The same in lines: of many problems each would cut the whole text up again. */
type SourceLines = (file: string) => readonly string[] | undefined;

/** Colours a piece of output; the identity where output has no colour. */
export type Paint = (style: 'error' | 'warning' | 'good' | 'dim' | 'bold', text: string) => string;

export const noPaint: Paint = (_style, text) => text;

/** One problem in the form of `docs/errors.md`, several lines, without a newline at the end. */
export function formatProblem(problem: Problem, source: SourceText | SourceLines, paint: Paint = noPaint): string {
  const lines = [`${paint(problem.severity, `${problem.severity}[${problem.code}]`)}: ${problem.message}`];
  if (problem.at) lines.push(...excerpt(problem.at, problem.label ?? '', source, paint));
  for (const related of problem.related ?? []) {
    lines.push(`  ${paint('dim', 'note')}: ${related.message}`, ...excerpt(related.at, '', source, paint));
  }
  if (problem.hint) lines.push(`   ${paint('dim', '=')} help: ${problem.hint}`);
  return lines.join('\n');
}

/** The longest part of a line that is shown: a minified or hostile file must not flood the screen. */
const EXCERPT_WIDTH_MAX = 160;

function excerpt(at: Location, label: string, source: SourceText | SourceLines, paint: Paint): string[] {
  const lines = [`  ${paint('dim', '-->')} ${at.file}:${at.line}:${at.column}`];
  const whole = source(at.file);
  const text = (typeof whole === 'string' ? whole.split('\n') : whole)?.[at.line - 1]?.replace(/\r$/, '');
  if (text === undefined) return label ? [...lines, `   = ${label}`] : lines;
  const from = Math.max(0, at.column - 1 - EXCERPT_WIDTH_MAX / 2);
  const shown = printable(text.slice(from, from + EXCERPT_WIDTH_MAX));
  const gutter = ' '.repeat(String(at.line).length);
  const caretAt = at.column - 1 - from;
  const marked = shown.slice(caretAt, caretAt + (at.length ?? 1));
  const carets = '^'.repeat(Math.max(1, columnsOf(marked)));
  return [
    ...lines,
    `${gutter} ${paint('dim', '|')}`,
    `${at.line} ${paint('dim', '|')} ${shown}`,
    `${gutter} ${paint('dim', '|')} ${' '.repeat(columnsOf(shown.slice(0, caretAt)))}${paint('error', carets)}${label ? ` ${label}` : ''}`,
  ];
}

/** Scripts and signs that a terminal shows two columns wide (East Asian Width W and F, and emoji). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
/** Combining marks and signs that only join: a terminal gives them no column. */
const JOINED = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** How many columns of a terminal a text takes: the caret stands under what people see. */
const columnsOf = (text: string): number =>
  [...text].reduce((columns, sign) => columns + (JOINED.test(sign) ? 0 : WIDE.test(sign) ? 2 : 1), 0);

/** Control characters (escape sequences of a hostile file among them) become a visible stand-in of equal width. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, (c) => (c === '\t' ? ' ' : '\u00b7'));
