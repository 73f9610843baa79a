/**
 * The words of an address, route or rule line, as keepalived's man page has them, to the model's lines.
 * A wrong word is named by its index; the caller knows where it stands.
 */
import { type Ip, type IpPrefix, parseIp, parseIpPrefix } from '../base/address.ts';
import type { ProblemCode } from '../base/codes.ts';
import { didYouMean } from '../base/suggest.ts';
import type { AddressLine, RouteLine, RuleLine } from '../keepalived/model.ts';

/** Something wrong with the word at this index. */
export interface WordProblem {
  readonly word: number;
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint?: string;
}

export interface ParsedWords<T> {
  readonly value?: T;
  readonly problems: readonly WordProblem[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the words one after another and collects what is wrong with them. */
class Words {
  readonly problems: WordProblem[] = [];
  readonly #words: readonly string[];
  #next = 0;
  constructor(words: readonly string[]) {
    this.#words = words;
  }
  take(): string | undefined {
    return this.#words[this.#next++];
  }
  /** The value of the keyword just taken. */
  value(keyword: string): string | undefined {
    if (this.#next < this.#words.length) return this.#words[this.#next++];
    this.problem(`"${keyword}" has no value`);
    return undefined;
  }
  problem(message: string, code: ProblemCode = 'bad-line', hint?: string): undefined {
    const word = Math.min(this.#next, this.#words.length) - 1;
    this.problems.push({ word: Math.max(word, 0), code, message, ...(hint && { hint }) });
    return undefined;
  }
  ip(keyword: string): Ip | undefined {
    const word = this.value(keyword);
    if (word === undefined) return undefined;
    return parseIp(word) ?? this.problem(`${word} is not an IP address`, 'bad-address', whyNot(word));
  }
  prefix(word: string | undefined): IpPrefix | undefined {
    if (word === undefined) return undefined;
    return parseIpPrefix(word) ?? this.problem(`${word} is not an IP address or network`, 'bad-address', whyNot(word));
  }
  number(keyword: string): number | undefined {
    const word = this.value(keyword);
    if (word === undefined) return undefined;
    return /^(0x[0-9a-fA-F]+|\d+)$/.test(word) ? Number(word) : this.problem(`${keyword} takes a number, not ${word}`);
  }
  unknown(word: string, known: readonly string[]): void {
    this.problem(`unknown word "${word}"`, 'bad-line', didYouMean(word, known));
  }
}

/** What about an address is wrong, where one part of it can be named. */
function whyNot(word: string): string | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(word);
  if (!match) return undefined;
  const octet = match.slice(1, 5).find((part) => Number(part) > 255);
  if (octet) return `${octet} is over 255`;
  const octal = match.slice(1, 5).find((part) => part.length > 1 && part.startsWith('0'));
  if (octal) return `${octal}: write it without the leading zero`;
  return Number(match[5]) > 32 ? 'a prefix length is 0 to 32' : undefined;
}

const ADDRESS_FLAGS = ['home', '-nodad', 'mngtmpaddr', 'noprefixroute', 'autojoin', 'no_track', 'use_vmac'];
const ADDRESS_WORDS = ['dev', 'brd', 'broadcast', 'label', 'scope', 'peer', 'preferred_lft', ...ADDRESS_FLAGS];

/** `ADDRESS[/LENGTH] [dev D] [brd B] [label L] [scope S] [peer P] [preferred_lft N] [flags]` */
export function parseAddressWords(all: readonly string[]): ParsedWords<AddressLine> {
  const words = new Words(all);
  const address = words.prefix(words.take());
  const line: Partial<Mutable<AddressLine>> = {};
  const flags: string[] = [];
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (ADDRESS_FLAGS.includes(word)) flags.push(word);
    else if (ADDRESS_WORDS.includes(word)) set(line, addressValue(word, words));
    else words.unknown(word, ADDRESS_WORDS);
  }
  if (!address || words.problems.length > 0) return { problems: words.problems };
  return { value: { address, ...line, ...(flags.length > 0 && { flags }) }, problems: [] };
}

function addressValue(word: string, words: Words): Partial<AddressLine> {
  switch (word) {
    case 'brd':
    case 'broadcast': {
      const value = words.value(word);
      if (value === undefined) return {};
      if (value === '+' || value === '-') return { broadcast: value };
      const broadcast =
        parseIp(value) ?? words.problem(`${value} is not a broadcast address`, 'bad-address', whyNot(value));
      return broadcast ? { broadcast } : {};
    }
    case 'label': {
      const label = words.value(word);
      if (label !== undefined && label.length > 15)
        words.problem(`the label is ${label.length} characters long; 15 are the most`, 'label-too-long');
      return label === undefined ? {} : { label };
    }
    case 'peer': {
      const peer = words.prefix(words.value(word));
      return peer ? { peer } : {};
    }
    case 'preferred_lft': {
      const value = words.value(word);
      if (value === 'forever') return { preferred_lft: value };
      if (value !== undefined && /^\d+$/.test(value)) return { preferred_lft: Number(value) };
      words.problem('preferred_lft takes seconds or forever');
      return {};
    }
    default: {
      const value = words.value(word);
      return value === undefined ? {} : { [word]: value };
    }
  }
}

/** The first mention of a key holds, as nothing is said about a second. */
function set<T extends object>(into: Partial<T>, from: Partial<T>): void {
  Object.assign(into, from);
}

const ROUTE_TYPES = [
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'throw',
  'unreachable',
  'prohibit',
  'blackhole',
  'nat',
];
const ROUTE_TEXT: Readonly<Record<string, keyof RouteLine>> = {
  dev: 'dev',
  oif: 'dev',
  table: 'table',
  scope: 'scope',
  protocol: 'protocol',
  proto: 'protocol',
};
const ROUTE_NUMBER: Readonly<Record<string, keyof RouteLine>> = {
  metric: 'metric',
  priority: 'metric',
  preference: 'metric',
  tos: 'tos',
  dsfield: 'tos',
};
const ROUTE_OPTIONS = [
  'mtu',
  'advmss',
  'hoplimit',
  'rtt',
  'rttvar',
  'reordering',
  'window',
  'cwnd',
  'ssthresh',
  'realms',
  'rto_min',
  'initcwnd',
  'initrwnd',
  'features',
  'quickack',
  'congctl',
  'pref',
  'expires',
];
const ROUTE_WORDS = [
  'via',
  'gw',
  'src',
  'from',
  'onlink',
  'no_track',
  'nexthop',
  ...Object.keys(ROUTE_TEXT),
  ...Object.keys(ROUTE_NUMBER),
  ...ROUTE_OPTIONS,
];

/** `[TYPE] DESTINATION|default [via V] [dev D] [table T] ...` */
export function parseRouteWords(all: readonly string[]): ParsedWords<RouteLine> {
  const words = new Words(all);
  const line: Partial<Mutable<RouteLine>> = {};
  let first = words.take();
  if (first !== undefined && ROUTE_TYPES.includes(first)) {
    if (first !== 'unicast') line.type = first;
    first = words.take();
  }
  if (first === 'to') first = words.take();
  const network = first === 'default' || first === undefined ? undefined : words.prefix(first);
  if (first === undefined) words.problem('the route has no destination');
  const options: Record<string, string> = {};
  for (let word = words.take(); word !== undefined; word = words.take()) routeWord(word, words, line, options);
  if (words.problems.length > 0) return { problems: words.problems };
  const family = line.via?.family ?? line.src?.family ?? 4;
  const to = network ?? { family, default: true as const };
  return { value: { to, ...line, ...(Object.keys(options).length > 0 && { options }) }, problems: [] };
}

function routeWord(
  word: string,
  words: Words,
  line: Partial<Mutable<RouteLine>>,
  options: Record<string, string>,
): void {
  if (word === 'via' || word === 'gw' || word === 'src') {
    const ip = words.ip(word);
    if (ip) line[word === 'src' ? 'src' : 'via'] = ip;
  } else if (word === 'from') {
    const from = words.prefix(words.value(word));
    if (from) line.from = from;
  } else if (word === 'onlink' || word === 'no_track') {
    line[word] = true;
  } else if (ROUTE_TEXT[word]) {
    const value = words.value(word);
    if (value !== undefined) set(line, { [ROUTE_TEXT[word]]: value });
  } else if (ROUTE_NUMBER[word]) {
    const value = words.number(word);
    if (value !== undefined) set(line, { [ROUTE_NUMBER[word]]: value });
  } else if (ROUTE_OPTIONS.includes(word)) {
    const value = words.value(word);
    if (value !== undefined) options[word] = value;
  } else {
    words.unknown(word, ROUTE_WORDS);
  }
}

const RULE_OPTIONS = [
  'type',
  'goto',
  'suppress_prefixlength',
  'suppress_ifgroup',
  'realms',
  'uidrange',
  'ipproto',
  'sport',
  'dport',
  'tunnel-id',
  'protocol',
];
const RULE_FLAGS = ['l3mdev', 'nop'];
const RULE_WORDS = [
  'from',
  'to',
  'not',
  'table',
  'lookup',
  'priority',
  'preference',
  'order',
  'iif',
  'oif',
  'fwmark',
  'tos',
  'dsfield',
  'no_track',
  ...RULE_OPTIONS,
  ...RULE_FLAGS,
];

/** `[not] [from F] [to T] [iif I] [oif O] [fwmark M] [tos T] [table T] [priority P] ...` */
export function parseRuleWords(all: readonly string[]): ParsedWords<RuleLine> {
  const words = new Words(all);
  const line: Partial<Mutable<RuleLine>> = {};
  const options: Record<string, string> = {};
  for (let word = words.take(); word !== undefined; word = words.take()) ruleWord(word, words, line, options);
  if (words.problems.length > 0) return { problems: words.problems };
  return { value: { ...line, ...(Object.keys(options).length > 0 && { options }) }, problems: [] };
}

function ruleWord(word: string, words: Words, line: Partial<Mutable<RuleLine>>, options: Record<string, string>): void {
  const text = (key: 'table' | 'iif' | 'oif' | 'fwmark') => {
    const value = words.value(word);
    if (value !== undefined) line[key] = value;
  };
  const number = (key: 'priority' | 'tos') => {
    const value = words.number(word);
    if (value !== undefined) line[key] = value;
  };
  switch (word) {
    case 'from':
    case 'to': {
      const value = words.value(word);
      const network = value === 'all' || value === 'default' ? undefined : words.prefix(value);
      if (network) line[word] = network;
      return;
    }
    case 'not':
    case 'no_track':
      line[word] = true;
      return;
    case 'table':
    case 'lookup':
      return text('table');
    case 'iif':
    case 'oif':
    case 'fwmark':
      return text(word);
    case 'priority':
    case 'preference':
    case 'order':
      return number('priority');
    case 'tos':
    case 'dsfield':
      return number('tos');
    default:
      if (RULE_FLAGS.includes(word)) options[word] = '';
      else if (RULE_OPTIONS.includes(word)) options[word] = words.value(word) ?? '';
      else words.unknown(word, RULE_WORDS);
  }
}
