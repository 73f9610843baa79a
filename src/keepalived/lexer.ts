/**
 * Words, braces and statements of keepalived.conf. A statement is the words of one line; `{` opens a block that
 * belongs to the words before it (also when they stand on the line above), `}` closes it; both end a statement
 * and need no blanks around them. Double quotes make one word of what is between them, and nothing escapes inside;
 * single quotes are ordinary characters, except in commands (command.ts).
 */
import type { Location, Problem } from '../base/problem.ts';
import { drain, STEP_LINES, type Steps } from '../base/steps.ts';
import type { KnownLine } from './known-lines.ts';
import { columnOf, type SourceLine } from './preprocess.ts';
import { isWord } from './quote.ts';

export interface Word {
  readonly text: string;
  readonly line: SourceLine;
  /** Index in the line's text of the first character, the quote where there is one, and of the one after the last. */
  readonly from: number;
  readonly to: number;
}

export interface Statement {
  /** At least one. */
  readonly words: readonly Word[];
  readonly block?: readonly Statement[];
  /** What its line was found to mean before. */
  readonly known?: KnownLine;
}

/** The language needs three levels (LVS five); a deeper file is broken or hostile. */
const DEPTH_MAX = 16;
/** One run shows this many problems of braces and quotes; after that the text is no keepalived.conf. */
const SYNTAX_PROBLEMS_MAX = 100;

export const locate = (word: Word): Location => ({
  file: word.line.file,
  line: word.line.line,
  column: columnOf(word.line, word.from),
  length: word.line.columns ? 1 : Math.max(1, word.to - word.from),
});

interface Open {
  readonly statements: Statement[];
  /** The words that opened it; absent for the file itself. */
  readonly head?: Word;
}

/** Builds the tree of statements; never throws. */
export function* statementsOf(lines: readonly SourceLine[], problems: Problem[]): Steps<readonly Statement[]> {
  const reader = new TreeReader(problems);
  for (let i = 0; i < lines.length; i += 1) {
    if (i % STEP_LINES === 0) yield;
    reader.line(lines[i]!);
  }
  return reader.end();
}

/** Words on a line, and nothing else: they are only looked for where somebody asks. */
class KnownStatement implements Statement {
  readonly known: KnownLine;
  private readonly line: SourceLine;

  constructor(line: SourceLine, known: KnownLine) {
    this.line = line;
    this.known = known;
  }

  get words(): readonly Word[] {
    const { known: _, ...line } = this.line;
    return drain(statementsOf([line], []))[0]!.words;
  }
}

/** A cursor over the lines, with the blocks that are open. */
class TreeReader {
  private readonly root: Statement[] = [];
  private readonly open: Open[] = [{ statements: this.root }];
  private words: Word[] = [];
  private found = 0;
  private readonly problems: Problem[];

  constructor(problems: Problem[]) {
    this.problems = problems;
  }

  line(line: SourceLine): void {
    const { text, known } = line;
    if (known) {
      this.open.at(-1)!.statements.push(new KnownStatement(line, known));
      return;
    }
    let at = 0;
    while (at < text.length) {
      const c = text.charCodeAt(at);
      if (isBlankCode(c)) at++;
      else if (c === OPEN) this.openBlock(line, at++);
      else if (c === CLOSE) this.closeBlock(line, at++);
      else at = c === QUOTE ? this.quoted(line, at) : this.plain(line, at);
    }
    this.endStatement();
  }

  end(): readonly Statement[] {
    for (const { head } of this.open.slice(1).reverse()) {
      if (head) this.wrong(head, `the block "${head.text}" is never closed: a "}" is missing`);
    }
    return this.root;
  }

  private plain(line: SourceLine, from: number): number {
    const { text } = line;
    let to = from + 1;
    for (; to < text.length; to++) {
      const c = text.charCodeAt(to);
      if (isBlankCode(c) || c === OPEN || c === CLOSE || c === QUOTE) break;
    }
    this.push({ text: text.slice(from, to), line, from, to });
    return to;
  }

  private quoted(line: SourceLine, from: number): number {
    const close = line.text.indexOf('"', from + 1);
    const to = close < 0 ? line.text.length : close + 1;
    const word = { text: line.text.slice(from + 1, close < 0 ? to : close), line, from, to };
    if (close < 0) this.wrong(word, 'the quote is never closed on this line');
    this.push(word);
    return to;
  }

  /** What could not be printed again never enters a model: it is reported here, once, and stands in as `?`. */
  private push(word: Word): void {
    if (isWord(word.text)) {
      this.words.push(word);
      return;
    }
    this.wrong(word, 'the word holds a control character, a lone brace or a reserved "$_", and cannot be kept');
    this.words.push({ ...word, text: '?' });
  }

  private endStatement(): void {
    if (this.words.length === 0) return;
    this.open.at(-1)!.statements.push({ words: this.words });
    this.words = [];
  }

  private openBlock(line: SourceLine, at: number): void {
    this.endStatement();
    const { statements } = this.open.at(-1)!;
    const owner = statements.at(-1);
    const brace = { text: '{', line, from: at, to: at + 1 };
    if (!owner || owner.block) this.wrong(brace, '"{" opens a block that has no name');
    if (this.open.length > DEPTH_MAX) this.wrong(brace, `blocks are nested more than ${DEPTH_MAX} deep`);
    const block: Statement[] = [];
    // A nameless or too deep block is still read to its end, so that what follows it is understood.
    if (owner && !owner.block && this.open.length <= DEPTH_MAX) {
      statements[statements.length - 1] = { words: owner.words, block };
    }
    this.open.push({ statements: block, head: owner && !owner.block ? owner.words[0]! : brace });
  }

  private closeBlock(line: SourceLine, at: number): void {
    this.endStatement();
    if (this.open.length > 1) this.open.pop();
    else this.wrong({ text: '}', line, from: at, to: at + 1 }, '"}" closes no block');
  }

  private wrong(word: Word, message: string): void {
    if (++this.found > SYNTAX_PROBLEMS_MAX) return;
    this.problems.push({ code: 'conf-syntax', severity: 'error', message, at: locate(word) });
  }
}

const QUOTE = 0x22;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Blank, tab, carriage return, form feed, vertical tab. */
const isBlankCode = (c: number): boolean => c === 0x20 || (c >= 0x09 && c <= 0x0d);
