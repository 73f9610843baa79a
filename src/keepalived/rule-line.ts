/** One line of virtual_rules or static_rules: `ip rule add`'s words, as keepalived 2.2.7 takes them. */
import { formatIpPrefix, parseIpPrefix } from '../base/address.ts';
import { type Args, readHexadecimalToo } from './args.ts';
import type { Word } from './lexer.ts';
import type { RuleLine } from './model.ts';
import { isPrintable, quote } from './quote.ts';
import { isInterfaceName } from './shapes.ts';

/** Options kept by name with one value, and those without any. */
export const RULE_VALUE_OPTIONS: readonly string[] = [
  ...['realms', 'suppress_prefixlength', 'suppress_ifgroup', 'tunnel-id', 'uidrange', 'protocol', 'ipproto'],
  ...['sport', 'dport', 'goto', 'type'],
];
export const RULE_FLAG_OPTIONS: readonly string[] = ['l3mdev', 'nop', 'blackhole', 'prohibit', 'unreachable'];

/** The only options whose numbers may be hexadecimal. */
const HEXADECIMAL = new Set(['realms', 'suppress_ifgroup']);

const SYNONYMS: Readonly<Record<string, string>> = {
  lookup: 'table',
  preference: 'priority',
  order: 'priority',
  dsfield: 'tos',
  dev: 'iif',
  'ip-proto': 'ipproto',
};

const OPTIONS = [
  ...['inet', 'inet6', 'not', 'from', 'to', 'table', 'priority', 'iif', 'oif', 'fwmark', 'tos', 'no_track'],
  ...['track_group', ...RULE_VALUE_OPTIONS, ...RULE_FLAG_OPTIONS, ...Object.keys(SYNONYMS)],
];

type Draft = { -readonly [K in keyof RuleLine]: RuleLine[K] };

/** Reads the line; wrong options are reported one by one. */
export function readRule(args: Args): RuleLine {
  const draft: Draft = {};
  const options: Record<string, string> = {};
  args.places.note(draft, undefined, args.peek()!);
  for (let word = args.next(); word; word = args.next()) {
    const key = SYNONYMS[word.text] ?? word.text;
    if (key === 'inet' || key === 'inet6') draft.family = key === 'inet' ? 4 : 6;
    else if (key === 'not' || key === 'no_track') draft[key] = true;
    else if (RULE_FLAG_OPTIONS.includes(key)) {
      if (key in options) args.fail(word, `"${word.text}" stands twice on the line`, { code: 'conf-duplicate' });
      options[key] = '';
    } else if (!OPTIONS.includes(key)) args.unknownOption(word, 'a rule', OPTIONS);
    else readValue(args, key, draft, options);
  }
  if (Object.keys(options).length > 0) draft.options = options;
  const { from, to } = draft;
  if (from && to && from.family !== to.family) args.fail(args.head, 'the rule mixes IPv4 and IPv6');
  const family = from?.family ?? to?.family;
  if (draft.family && family && draft.family !== family) args.fail(args.head, 'the rule mixes IPv4 and IPv6');
  return draft;
}

function readValue(args: Args, key: string, draft: Draft, options: Record<string, string>): void {
  const value = args.need(`the value of "${key}"`);
  if (!value) return;
  if (key in draft || key in options) {
    args.fail(value, `"${key}" stands twice on the line`, { code: 'conf-duplicate' });
  }
  args.places.note(draft, key, value);
  const { text } = value;
  switch (key) {
    case 'from':
    case 'to': {
      if (text === 'all' || text === 'any' || text === 'default') break;
      const prefix = parseIpPrefix(text) ?? args.notAnAddress(value);
      if (prefix) draft[key] = prefix;
      break;
    }
    case 'priority':
    case 'tos': {
      const number = readNumber(args, value, key === 'tos' ? 255 : 0xffff_ffff);
      if (number !== undefined) draft[key] = number;
      break;
    }
    case 'iif':
    case 'oif':
      if (isInterfaceName(text)) draft[key] = text;
      else args.fail(value, `"${text}" cannot be an interface's name`);
      break;
    case 'table':
    case 'track_group':
      if (isPrintable(text)) draft[key] = text;
      else args.fail(value, `the value of "${key}" holds a character that cannot be kept`);
      break;
    case 'fwmark':
      if (isPlain(args, value)) draft[key] = text;
      break;
    default:
      if (/^0x/i.test(text) && !HEXADECIMAL.has(key)) args.fail(value, `"${text}" is no value of "${key}"`);
      else if (isPlain(args, value)) options[key] = text;
  }
}

function readNumber(args: Args, value: Word, max: number): number | undefined {
  const number = readHexadecimalToo(value.text) ?? Number.NaN;
  return number >= 0 && number <= max
    ? number
    : args.fail(value, `"${value.text}" must be a whole number of at most ${max}`);
}

function isPlain(args: Args, value: Word): boolean {
  if (/^[A-Za-z0-9_./:-]+$/.test(value.text)) return true;
  args.fail(value, `"${value.text}" cannot stand here`);
  return false;
}

/** The line as it stands in its block. */
export function printRule(line: RuleLine): string {
  const out: string[] = [];
  if (line.not) out.push('not');
  if (line.from) out.push('from', formatIpPrefix(line.from));
  if (line.to) out.push('to', formatIpPrefix(line.to));
  if (line.iif !== undefined) out.push('iif', quote(line.iif));
  if (line.oif !== undefined) out.push('oif', quote(line.oif));
  if (line.fwmark !== undefined) out.push('fwmark', line.fwmark);
  if (line.tos !== undefined) out.push('tos', String(line.tos));
  if (line.table !== undefined) out.push('table', quote(line.table));
  for (const [name, value] of Object.entries(line.options ?? {})) out.push(value === '' ? name : `${name} ${value}`);
  if (line.priority !== undefined) out.push('preference', String(line.priority));
  if (line.no_track) out.push('no_track');
  if (line.track_group !== undefined) out.push('track_group', quote(line.track_group));
  // Last: before other words keepalived 2.2.7 takes the word after it for part of it.
  if (line.family !== undefined) out.push(line.family === 4 ? 'inet' : 'inet6');
  return out.join(' ');
}
