/**
 * A model as canonical keepalived.conf: rows in the keyword table's order, four blanks a level, every block on lines
 * of its own. parse(print(model)) is the model again, without problems; texts must be printable (quote.ts), which
 * those of a parsed model are.
 */
import { drain, STEP_LINES, type Steps } from '../base/steps.ts';
import { type BlockName, KEYWORDS, type Keyword } from './keywords.ts';
import type { Config, OtherLine } from './model.ts';
import { quote } from './quote.ts';

/** The whole file, with a newline at its end. */
export const print = (config: Config): string => drain(printSteps(config));

/** The same, part by part. */
export function* printSteps(config: Config): Steps<string> {
  const lines: string[] = [];
  yield* printBlock('root', config as unknown as Fields, '', lines);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

type Fields = Readonly<Record<string, unknown>>;

const INDENT = '    ';

/** The rows that print, by block. */
const ROWS = new Map<BlockName, Keyword[]>();
for (const row of KEYWORDS) {
  if (row.alias || row.form.kind === 'other' || row.form.kind === 'skipped') continue;
  ROWS.set(row.in, [...(ROWS.get(row.in) ?? []), row]);
}

function* printBlock(at: BlockName, fields: Fields, indent: string, out: string[]): Steps<void> {
  const others = (fields.other as readonly OtherLine[] | undefined) ?? [];
  // keepalived knows only what was defined above: a bfd_instance must stand before the instance that tracks it.
  if (at === 'root') for (const line of others) printOther(line, indent, out);
  for (const row of ROWS.get(at)!) {
    const value = fields[row.field];
    if (value !== undefined) yield* printKeyword(row, value, fields, indent, out);
  }
  if (at !== 'root') for (const line of others) printOther(line, indent, out);
}

function* printKeyword(row: Keyword, value: unknown, fields: Fields, indent: string, out: string[]): Steps<void> {
  const { form } = row;
  switch (form.kind) {
    case 'value':
      if (row.name === 'accept' && value === false) out.push(`${indent}no_accept`);
      else out.push(`${indent}${row.engine ? `@${row.engine} ` : ''}${join(row.name, form.shape.write(value))}`);
      return;
    case 'fields':
      out.push(indent + join(row.name, form.shape.write(fields)));
      return;
    case 'lines': {
      const list = value as readonly unknown[];
      // Empty lists at the root are absent keywords; inside a block the file did say so.
      if (list.length === 0 && row.in === 'root') return;
      out.push(`${indent}${row.name} {`);
      for (const [i, line] of list.entries()) {
        if (i % STEP_LINES === 0) yield;
        out.push(indent + INDENT + form.shape.write(line));
      }
      out.push(`${indent}}`);
      return;
    }
    case 'block':
      for (const one of form.named ? (value as readonly Fields[]) : [value as Fields]) {
        if (!form.named && row.in === 'root' && Object.keys(one).length === 0) continue;
        out.push(`${indent}${form.named ? join(row.name, quote(one.name as string)) : row.name} {`);
        yield* printBlock(form.block, one, indent + INDENT, out);
        out.push(`${indent}}`);
      }
      return;
    case 'other':
    case 'skipped':
      return;
  }
}

const join = (keyword: string, value: string): string => (value === '' ? keyword : `${keyword} ${value}`);

function printOther(line: OtherLine, indent: string, out: string[]): void {
  const words = [line.keyword, ...line.args].map(quote).join(' ');
  if (!line.block) {
    out.push(indent + words);
    return;
  }
  out.push(`${indent}${words} {`);
  for (const inner of line.block) printOther(inner, indent + INDENT, out);
  out.push(`${indent}}`);
}
