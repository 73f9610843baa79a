/** What differs in keywords and in named blocks. */
import type { OtherLine, Track } from '../keepalived/model.ts';
import type { Change, KeywordChange, Op } from './change.ts';
import { asSet, canonical, compareText, pairUp } from './lines.ts';
import { isSensitive, otherWords, trackWords, valueWords } from './words.ts';

/** Where a keyword stands. */
export type Place = Pick<KeywordChange, 'subject'> & { readonly [K in 'instance' | 'group' | 'name']?: string };

/** Lists of which only the members count; an empty one says no more than an absent one. */
const SETS = new Set(['notification_email', 'vrrp_cpu_affinity', 'unicast_peer', 'group']);

/** Every field that differs, but for those in `skip`. */
export function diffFields(place: Place, before: object, after: object, skip: readonly string[]): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareText);
  return names.flatMap((keyword) => {
    if (skip.includes(keyword)) return [];
    const b = fieldOf(before, keyword);
    const a = fieldOf(after, keyword);
    return canonical(b) === canonical(a) ? [] : [keywordChange(place, keyword, b, a)];
  });
}

function fieldOf(block: object, keyword: string): unknown {
  const value = (block as Readonly<Record<string, unknown>>)[keyword];
  if (!SETS.has(keyword) || !Array.isArray(value)) return value;
  return value.length > 0 ? asSet(value) : undefined;
}

function keywordChange(place: Place, keyword: string, before: unknown, after: unknown): Change {
  const op = opOf(before, after);
  if (isSensitive(keyword)) return { ...place, op, keyword, text: `${keyword} ${DONE[op]}`, sensitive: true };
  const [b, a] = [before, after].map((v) => (v === undefined ? undefined : valueWords(keyword, v)));
  const spelled = (value: string | undefined): string => value || 'on';
  const text = op === 'change' ? `${keyword} ${spelled(b)} -> ${spelled(a)}` : `${keyword} ${a ?? b}`.trim();
  return { ...place, op, keyword, text, ...(b !== undefined && { before: b }), ...(a !== undefined && { after: a }) };
}

const opOf = (before: unknown, after: unknown): Op =>
  before === undefined ? 'add' : after === undefined ? 'remove' : 'change';

const DONE: Readonly<Record<Op, string>> = {
  add: '(sensitive, added)',
  remove: '(sensitive, removed)',
  change: '(sensitive, changed)',
};

interface Named {
  readonly name: string;
  readonly other?: readonly OtherLine[];
}

const BLOCKS = {
  track_group: 'track_group',
  script: 'vrrp_script',
  track_file: 'track_file',
  track_process: 'vrrp_track_process',
} as const;

/** Definitions, found again by their names: whole ones that came or went, else field by field. */
export function diffNamed(subject: keyof typeof BLOCKS, before: readonly Named[], after: readonly Named[]): Change[] {
  const { pairs, removed, added } = pairUp(before, after, [(block) => block.name]);
  const whole = (op: Op, { name }: Named): Change => ({
    op,
    subject,
    name,
    keyword: BLOCKS[subject],
    text: `${BLOCKS[subject]} ${name}`,
  });
  const changes = [
    ...removed.map((block) => whole('remove', block)),
    ...added.map((block) => whole('add', block)),
    ...pairs.flatMap(([b, a]) => [
      ...diffFields({ subject, name: a.name }, b, a, ['other']),
      ...diffOthers({ subject: 'raw', name: a.name }, b.other, a.other),
    ]),
  ];
  return byName(changes, (change) => change.name);
}

/** What was paired comes in the order of its contents; this is the order in which people look for it. */
export function byName(changes: readonly Change[], name: (change: KeywordChange) => string | undefined): Change[] {
  const key = (change: Change): string => name(change as KeywordChange) ?? '';
  return [...changes].sort((a, b) => compareText(key(a), key(b)));
}

/** Tracked objects of one block, found again by their names. */
export function diffTracks(
  place: Place,
  keyword: string,
  before: readonly Track[] = [],
  after: readonly Track[] = [],
): Change[] {
  const { pairs, removed, added } = pairUp(asSet(before), asSet(after), [canonical, (track) => track.name]);
  const one = (op: Op, b: Track | undefined, a: Track | undefined): Change => ({
    ...place,
    op,
    keyword,
    name: (a ?? b)!.name,
    text: `${keyword} ${trackWords((a ?? b)!)}${a && b ? ` (was ${trackWords(b)})` : ''}`,
    ...(b && { before: trackWords(b) }),
    ...(a && { after: trackWords(a) }),
  });
  return [
    ...removed.map((b) => one('remove', b, undefined)),
    ...added.map((a) => one('add', undefined, a)),
    ...pairs.flatMap(([b, a]) => (canonical(b) === canonical(a) ? [] : [one('change', b, a)])),
  ];
}

/** Members of a list of names, each a change of its own. */
export function diffMembers(
  place: Place,
  keyword: string,
  before: readonly string[],
  after: readonly string[],
): Change[] {
  const one = (op: Op, name: string): Change => ({
    ...place,
    op,
    keyword,
    text: `${keyword} ${name}`,
    [SIDE[op]]: name,
  });
  return [
    ...before.filter((name) => !after.includes(name)).map((name) => one('remove', name)),
    ...after.filter((name) => !before.includes(name)).map((name) => one('add', name)),
  ];
}

const SIDE: Readonly<Record<Op, 'before' | 'after'>> = { add: 'after', remove: 'before', change: 'after' };

/** Lines that are kept word by word. */
export function diffOthers(
  place: Place,
  before: readonly OtherLine[] = [],
  after: readonly OtherLine[] = [],
): Change[] {
  const { pairs, removed, added } = pairUp(asSet(before), asSet(after), [canonical, (line) => line.keyword]);
  const one = (op: Op, b: OtherLine | undefined, a: OtherLine | undefined): Change => {
    const { keyword } = (a ?? b)!;
    if ([b, a].some((line) => line && hasSecret(line))) {
      return { ...place, op, keyword, text: `${keyword} ${DONE[op]}`, sensitive: true };
    }
    const was = b && otherWords(b);
    const is = a && otherWords(a);
    return {
      ...place,
      op,
      keyword,
      text: a && b ? `${is} (was ${was})` : (is ?? was)!,
      ...(was !== undefined && { before: was }),
      ...(is !== undefined && { after: is }),
    };
  };
  return [
    ...removed.map((b) => one('remove', b, undefined)),
    ...added.map((a) => one('add', undefined, a)),
    ...pairs.flatMap(([b, a]) => (canonical(b) === canonical(a) ? [] : [one('change', b, a)])),
  ];
}

const hasSecret = (line: OtherLine): boolean => isSensitive(line.keyword) || (line.block ?? []).some(hasSecret);
