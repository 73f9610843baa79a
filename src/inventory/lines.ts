/**
 * VIPs, routes and rules as YAML has them, in keepalived's words or as an object, to the model's lines.
 * The object form is turned into the same words, so both go through one parser and mean the same.
 */
import type { Location, Problem } from '../base/problem.ts';
import type { AddressLine, RouteLine, RuleLine } from '../keepalived/model.ts';
import { type ParsedWords, parseAddressWords, parseRouteWords, parseRuleWords } from './line-words.ts';
import type { RouteYaml, RuleYaml, VipYaml } from './schema.ts';
import type { Path, YamlDocument } from './yaml.ts';

/** A line with where it stands, and for which member it is (absent: both). */
export interface Placed<T> {
  readonly line: T;
  readonly at: Location;
  readonly on?: string;
}

interface Word {
  readonly text: string;
  /** Offsets in the line form, the key in the object form. */
  readonly from: { readonly start: number } | { readonly key: string };
}

/** A list in a document and where it stands there. */
export interface ListPlace {
  readonly document: YamlDocument;
  readonly path: Path;
}

export const readVips = (list: readonly VipYaml[], place: ListPlace): Read<AddressLine> =>
  readLines(list, place, parseAddressWords, vipWords);
export const readRoutes = (list: readonly RouteYaml[], place: ListPlace): Read<RouteLine> =>
  readLines(list, place, parseRouteWords, routeWords);
export const readRules = (list: readonly RuleYaml[], place: ListPlace): Read<RuleLine> =>
  readLines(list, place, parseRuleWords, ruleWords);

export interface Read<T> {
  readonly lines: readonly Placed<T>[];
  readonly problems: readonly Problem[];
}

function readLines<T, Y extends object>(
  list: readonly (string | Y)[],
  place: ListPlace,
  parse: (words: readonly string[]) => ParsedWords<T>,
  wordsOf: (item: Y) => Word[],
): Read<T> {
  const lines: Placed<T>[] = [];
  const problems: Problem[] = [];
  for (const [index, item] of list.entries()) {
    const path = [...place.path, index];
    const words = typeof item === 'string' ? split(item) : wordsOf(item);
    const parsed = parse(words.map((word) => word.text));
    for (const { word, ...problem } of parsed.problems) {
      problems.push({ severity: 'error', ...problem, at: wordAt(words[word], place.document, path) });
    }
    const on = typeof item === 'string' ? undefined : (item as { on?: string | null }).on;
    if (parsed.value) lines.push({ line: parsed.value, at: place.document.at(path), ...(on != null && { on }) });
  }
  return { lines, problems };
}

function split(line: string): Word[] {
  return [...line.matchAll(/\S+/g)].map((match) => ({ text: match[0], from: { start: match.index } }));
}

function wordAt(word: Word | undefined, document: YamlDocument, path: Path): Location {
  if (!word) return document.at(path);
  if ('key' in word.from) return document.at([...path, ...word.from.key.split('.')]);
  return document.within(path, word.from.start, word.from.start + word.text.length);
}

/** `key value` as two words, where the value is there. */
function pair(key: string, value: string | number | null | undefined, keyword = key): Word[] {
  if (value == null) return [];
  return [
    { text: keyword, from: { key } },
    { text: String(value), from: { key } },
  ];
}
const flag = (key: string, set: true | null | undefined): Word[] => (set ? [{ text: key, from: { key } }] : []);
const only = (key: string, value: string | null | undefined): Word[] =>
  value == null ? [] : [{ text: value, from: { key } }];
const options = (map: Readonly<Record<string, string | number>> | null | undefined): Word[] =>
  Object.entries(map ?? {}).flatMap(([key, value]) => {
    const from = { key: `options.${key}` };
    return value === ''
      ? [{ text: key, from }]
      : [
          { text: key, from },
          { text: String(value), from },
        ];
  });

function vipWords(vip: Exclude<VipYaml, string>): Word[] {
  return [
    ...only('address', vip.address),
    ...pair('brd', vip.brd),
    ...pair('dev', vip.dev),
    ...pair('label', vip.label),
    ...pair('scope', vip.scope),
    ...pair('peer', vip.peer),
    ...pair('preferred_lft', vip.preferred_lft),
    ...(vip.flags ?? []).map((text): Word => ({ text, from: { key: 'flags' } })),
  ];
}

function routeWords(route: Exclude<RouteYaml, string>): Word[] {
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

function ruleWords(rule: Exclude<RuleYaml, string>): Word[] {
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
