/**
 * Commands in keepalived.conf: `notify_master "/path 'first argument' second" user group`. The line is split like
 * a shell's (single or double quotes, `\` escapes, adjacent pieces join), and its first word once more into the
 * command's own arguments (man keepalived.conf, "Quoted strings").
 */
import type { Command } from './model.ts';
import { isWord } from './quote.ts';

/** The words of a text in the shell-like form, or undefined where a quote is not closed. */
export function shellWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const c = text[at]!;
      if (c === '\\' && at + 1 < text.length) {
        const escaped = readEscape(text, at + 1);
        word += escaped.text;
        at = escaped.to - 1;
      } else if (quote === '' && (c === '"' || c === "'")) quote = c;
      else if (c === quote) quote = '';
      else if (quote === '' && /\s/.test(c)) break;
      else word += c;
    }
    if (quote !== '') return undefined;
    words.push(word);
  }
  return words;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function readEscape(text: string, at: number): { text: string; to: number } {
  const octal = /^[0-7]{1,3}/.exec(text.slice(at, at + 3));
  if (octal) return { text: String.fromCharCode(Number.parseInt(octal[0], 8) & 0xff), to: at + octal[0].length };
  const hex = /^x([0-9a-fA-F]{1,2})/.exec(text.slice(at, at + 3));
  if (hex) return { text: String.fromCharCode(Number.parseInt(hex[1]!, 16)), to: at + hex[0].length };
  const c = text[at]!;
  if (c === 'c' && at + 1 < text.length) {
    return { text: String.fromCharCode(text.charCodeAt(at + 1) & 0x1f), to: at + 2 };
  }
  return { text: SIMPLE_ESCAPES[c] ?? c, to: at + 1 };
}

/** A command with its user and group as it stands after the keyword. Its words must be `isCommandPrintable`. */
export function printCommand(command: Command): string {
  const inner = command.argv.map(innerWord).join(' ');
  const line = [BARE_WORD.test(inner) ? inner : `"${inner.replaceAll('\\', '\\\\')}"`];
  if (command.user !== undefined) line.push(command.user);
  if (command.group !== undefined) line.push(command.group);
  return line.join(' ');
}

const BARE_WORD = /^[A-Za-z0-9._:/@+,=%-]+$/;

const innerWord = (word: string): string =>
  BARE_WORD.test(word) ? word : `'${word.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** A user's or group's name as it can stand behind a command. */
export const isPlainName = (name: string): boolean => /^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(name);

/** Whether printCommand can write it: a first word, no double quotes or control characters, plain user and group. */
export function isCommandPrintable(command: Command): boolean {
  const plain = (name: string | undefined) => name === undefined || isPlainName(name);
  return (
    command.argv.length > 0 &&
    command.argv[0] !== '' &&
    command.argv.every(isWord) &&
    plain(command.user) &&
    plain(command.group) &&
    (command.group === undefined || command.user !== undefined)
  );
}
