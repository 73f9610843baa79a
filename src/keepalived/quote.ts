/** How free text stands in a keepalived.conf: the one helper that templates and the printer share. */
import { assert } from '../base/assert.ts';

const BARE = /^[A-Za-z0-9._:/+-][A-Za-z0-9._:/@+-]*$/;
/** Would be followed where it starts a line. */
const INCLUDE = /^include[rmwba]?$/;

/** Whether the text can stand in a keepalived.conf as one word. */
export const isPrintable = (text: string): boolean => isWord(text) && !endsInBackslash(text);

/** The closing quote behind it would close nothing: keepalived refuses the line. */
export const endsInBackslash = (text: string): boolean => /(?<!\\)(\\\\)*\\$/.test(text);

/**
 * The same of a text that is escaped by other means: nothing escapes a double quote or a line's end, a lone brace
 * confuses keepalived 2.2.7's count even inside quotes, and `${_...}` is replaced wherever it stands.
 */
export function isWord(text: string): boolean {
  if (BARE.test(text)) return true;
  return !/["\p{Cc}\u2028\u2029]/u.test(text) && text !== '{' && text !== '}' && !/\$\{?_/.test(text);
}

/** The text as one word: bare where every character is harmless, otherwise in double quotes. */
export function quote(text: string): string {
  if (BARE.test(text) && !INCLUDE.test(text)) return text;
  assert(isPrintable(text), `text that cannot stand in a keepalived.conf reached the printer: ${JSON.stringify(text)}`);
  return `"${text}"`;
}
