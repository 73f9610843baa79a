/** How an argument list becomes the one line of text that SSH carries. */
import { assert } from '../base/assert.ts';

/** Characters that no POSIX shell gives a meaning to, wherever they stand in a word. */
const PLAIN = /^[A-Za-z0-9_@%+:,./-]+$/;

/**
 * One line for the router's shell that runs exactly these arguments (POSIX XCU 2.2.2: within single quotes
 * every character stands for itself). A NUL cannot be an argument and is a mistake of ours.
 */
export function quoteCommand(argv: readonly string[]): string {
  assert(argv.length > 0, 'a command has at least its name');
  return argv.map(quoteWord).join(' ');
}

/** One word of a shell script that stands for this text and nothing else. */
export function quoteWord(word: string): string {
  assert(!word.includes('\0'), 'an argument holds no NUL');
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
