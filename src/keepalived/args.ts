/** The words of one statement as a cursor that collects problems: what every reader of values works with. */
import { type Ip, type IpPrefix, parseIp, parseIpPrefix } from '../base/address.ts';
import type { Problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { locate, type Statement, type Word } from './lexer.ts';
import { endsInBackslash } from './quote.ts';

/** Remembers where things stand: for an object of the model, and for a key of it. */
export interface Places {
  note(node: object, key: string | undefined, word: Word): void;
}

export class Args {
  readonly statement: Statement;
  readonly places: Places;
  private readonly problems: Problem[];
  private index: number;
  /** How many problems this statement has had. */
  failures = 0;

  constructor(statement: Statement, problems: Problem[], places: Places, skip = 1) {
    this.statement = statement;
    this.problems = problems;
    this.places = places;
    this.index = skip;
  }

  /** The statement's first word. */
  get head(): Word {
    return this.statement.words[0]!;
  }

  peek(): Word | undefined {
    return this.statement.words[this.index];
  }

  /** The word just taken, or the statement's first. */
  get last(): Word {
    return this.statement.words[this.index - 1] ?? this.head;
  }

  next(): Word | undefined {
    const word = this.statement.words[this.index];
    if (!word) return undefined;
    this.index++;
    if (!endsInBackslash(word.text)) return word;
    // It may be a password: the message does not repeat it.
    this.fail(word, 'the word ends in "\\", and cannot be kept');
    return { ...word, text: '?' };
  }

  /** Takes the next word if it is `text`. */
  accept(text: string): boolean {
    if (this.peek()?.text !== text) return false;
    this.index++;
    return true;
  }

  /** Takes a word that must be there; `what` names it in the problem. */
  need(what: string): Word | undefined {
    const word = this.next();
    if (!word) this.fail(this.last, `${what} is missing after "${this.last.text}"`);
    return word;
  }

  rest(): readonly Word[] {
    const words = this.statement.words.slice(this.index);
    this.index = this.statement.words.length;
    return words;
  }

  /** Reports a wrong value; the answer is always undefined, so that readers can return it. */
  fail(word: Word, message: string, extra: Partial<Problem> = {}): undefined {
    this.failures++;
    this.problems.push({ code: 'conf-value', severity: 'error', message, at: locate(word), ...extra });
    return undefined;
  }

  warn(word: Word, message: string, extra: Partial<Problem> = {}): void {
    this.problems.push({ code: 'conf-value', severity: 'warning', message, at: locate(word), ...extra });
  }

  /** What is left over is wrong: most often a line end is missing before it. */
  end(): void {
    const word = this.peek();
    if (word) this.fail(word, `"${word.text}" is one word too many after "${this.head.text}"`);
  }

  integer(what: string, min: number, max: number, read = readInteger): number | undefined {
    const word = this.need(what);
    if (!word) return undefined;
    const value = read(word.text);
    if (value === undefined) return this.fail(word, `${what} must be a whole number, not "${word.text}"`);
    if (value < min || value > max) return this.fail(word, `${what} is ${word.text}; it must be ${min} to ${max}`);
    return value;
  }

  ip(what: string, family?: 4 | 6): Ip | undefined {
    const word = this.need(what);
    if (!word) return undefined;
    const value = parseIp(word.text);
    if (!value) return this.notAnAddress(word);
    if (family && value.family !== family) return this.fail(word, `${what} must be an IPv${family} address`);
    return value;
  }

  prefix(what: string): IpPrefix | undefined {
    const word = this.need(what);
    return word && (parseIpPrefix(word.text) ?? this.notAnAddress(word));
  }

  notAnAddress(word: Word): undefined {
    return this.fail(word, `"${word.text}" is no IP address`, addressHint(word.text));
  }

  unknownOption(word: Word, of: string, known: Iterable<string>): undefined {
    const hint = didYouMean(word.text, known);
    return this.fail(word, `"${word.text}" is no option of ${of}`, {
      code: 'conf-unknown-keyword',
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** Whole numbers as keepalived reads nearly all of them: decimal. */
export function readInteger(text: string): number | undefined {
  if (!/^[-+]?\d{1,10}$/.test(text)) return undefined;
  return Number(text) || 0;
}

/** As some words of routes and rules take them: hexadecimal with 0x, too. */
export function readHexadecimalToo(text: string): number | undefined {
  return /^0[xX][0-9a-fA-F]{1,8}$/.test(text) ? Number(text) : readInteger(text);
}

function addressHint(text: string): Partial<Problem> {
  const octet = text
    .split('/')[0]!
    .split('.')
    .find((part) => /^\d+$/.test(part) && Number(part) > 255);
  if (octet) return { label: `${octet} is more than 255` };
  if (/(^|\.)0\d/.test(text))
    return { hint: 'write the octets without leading zeros: some programs read them as octal' };
  return {};
}
