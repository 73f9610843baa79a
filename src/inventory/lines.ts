/**
 * VIPs, routes and rules as YAML has them, in keepalived's words or as an object, to the model's lines.
 * The object form is turned into the same words; the language's own readers read both, so they mean the same.
 */
import type { Location, Problem } from '../base/problem.ts';
import { readAddress } from '../keepalived/address-line.ts';
import { Args } from '../keepalived/args.ts';
import type { Word } from '../keepalived/lexer.ts';
import type { AddressLine, RouteLine, RuleLine } from '../keepalived/model.ts';
import { readRoute } from '../keepalived/route-line.ts';
import { readRule } from '../keepalived/rule-line.ts';
import type { Refused } from './doubts.ts';
import type { RouteYaml, RuleYaml, VipYaml } from './schema.ts';
import type { Path, YamlDocument } from './yaml.ts';

/** A line with where it stands, and for which member it is (absent: both). */
export interface Placed<T> {
  readonly line: T;
  readonly at: Location;
  readonly on?: string;
}

/** A word of the object form, and the key whose value it is. */
type KeyWord = readonly [key: string, text: string];

/** A list in a document and where it stands there. */
export interface ListPlace {
  readonly document: YamlDocument;
  readonly path: Path;
  /** Items of it may be among these: they are empty, and told already. */
  readonly refused?: readonly Refused[];
}

export const readVips = (list: readonly VipYaml[], place: ListPlace): Read<AddressLine> =>
  readLines(list, place, readAddress, vipWords);
export const readRoutes = (list: readonly RouteYaml[], place: ListPlace): Read<RouteLine> =>
  readLines(list, place, readRoute, routeWords);
export const readRules = (list: readonly RuleYaml[], place: ListPlace): Read<RuleLine> =>
  readLines(list, place, readRule, ruleWords);

export interface Read<T> {
  readonly lines: readonly Placed<T>[];
  readonly problems: readonly Problem[];
}

/** Places inside a line are kept by the words themselves; the readers' own notes are not needed. */
const noPlaces = { note() {} };

function readLines<T, Y extends object>(
  list: readonly (string | Y)[],
  place: ListPlace,
  read: (args: Args) => T | undefined,
  wordsOf: (item: Y) => KeyWord[],
): Read<T> {
  const lines: Placed<T>[] = [];
  const problems: Problem[] = [];
  for (const [index, item] of list.entries()) {
    const path = [...place.path, index];
    const at = place.document.at(path);
    const words =
      typeof item === 'string' ? split(item, place.document, path) : placed(wordsOf(item), place.document, path);
    const args = new Args({ words }, problems, noPlaces, 0);
    if (words.length === 0 && isRefused(path, place)) continue;
    if (words.length === 0) {
      problems.push({ code: 'inventory-value', severity: 'error', message: 'the line is empty', at });
      continue;
    }
    for (const word of words)
      if (!WORD.test(word.text)) args.fail(word, `no line takes a word like this: ${word.text}`);
    const line = args.failures === 0 ? read(args) : undefined;
    const on = typeof item === 'string' ? undefined : (item as { on?: string | null }).on;
    if (line && args.failures === 0) lines.push({ line, at, ...(on != null && { on }) });
  }
  return { lines, problems };
}

const isRefused = (item: Path, { document, refused = [] }: ListPlace): boolean =>
  refused.some(({ document: of, path }) => of === document && path.join('\n') === item.join('\n'));

/** Words of lines have no blanks, quotes, comments or braces. */
const WORD = /^[A-Za-z0-9._:/@+,-]+$/;

function split(line: string, document: YamlDocument, path: Path): Word[] {
  const exact = document.within(path, 0, line.length);
  const literal = exact.length === line.length;
  const source = { text: '', file: exact.file, line: exact.line };
  const words: Word[] = [];
  for (const match of line.matchAll(/\S+/g)) {
    const from = exact.column - 1 + (literal ? match.index : 0);
    words.push({ text: match[0], line: source, from, to: from + (literal ? match[0].length : (exact.length ?? 1)) });
  }
  return words;
}

function placed(words: readonly KeyWord[], document: YamlDocument, path: Path): Word[] {
  return words.map(([key, text]) => {
    const at = document.at([...path, ...key.split('.')]);
    const from = at.column - 1;
    return { text, line: { text: '', file: at.file, line: at.line }, from, to: from + (at.length ?? 1) };
  });
}

/** `keyword value` as two words, where the value is there. */
const pair = (key: string, value: string | number | null | undefined): KeyWord[] =>
  value == null
    ? []
    : [
        [key, key],
        [key, String(value)],
      ];
const flag = (key: string, set: true | null | undefined): KeyWord[] => (set ? [[key, key]] : []);
const only = (key: string, value: string | null | undefined): KeyWord[] => (value == null ? [] : [[key, value]]);
const options = (map: Readonly<Record<string, string | number>> | null | undefined): KeyWord[] =>
  Object.entries(map ?? {}).flatMap(([key, value]): KeyWord[] => {
    const words = value === '' ? [key] : [key, ...String(value).split(' ')];
    return words.map((word): KeyWord => [`options.${key}`, word]);
  });

function vipWords(vip: Exclude<VipYaml, string>): KeyWord[] {
  return [
    ...only('address', vip.address),
    ...pair('brd', vip.brd),
    ...pair('dev', vip.dev),
    ...pair('label', vip.label),
    ...pair('scope', vip.scope),
    ...pair('peer', vip.peer),
    ...pair('preferred_lft', vip.preferred_lft),
    ...(vip.flags ?? []).map((text): KeyWord => ['flags', text]),
  ];
}

function routeWords(route: Exclude<RouteYaml, string>): KeyWord[] {
  return [
    ...only('type', route.type),
    ...only('to', route.to),
    ...pair('via', route.via),
    ...pair('dev', route.dev),
    ...pair('table', route.table),
    ...pair('src', route.src),
    ...pair('metric', route.metric),
    ...pair('scope', route.scope),
    ...pair('protocol', route.protocol),
    ...pair('tos', route.tos),
    ...pair('from', route.from),
    ...flag('onlink', route.onlink),
    ...flag('no_track', route.no_track),
    ...options(route.options),
  ];
}

function ruleWords(rule: Exclude<RuleYaml, string>): KeyWord[] {
  return [
    ...flag('not', rule.not),
    ...pair('from', rule.from),
    ...pair('to', rule.to),
    ...pair('table', rule.table),
    ...pair('priority', rule.priority),
    ...pair('iif', rule.iif),
    ...pair('oif', rule.oif),
    ...pair('fwmark', rule.fwmark),
    ...pair('tos', rule.tos),
    ...flag('no_track', rule.no_track),
    ...options(rule.options),
  ];
}
