/** What differs in addresses, routes and rules: lines that are the same thing keep their identity through an edit. */
import { formatIpPrefix } from '../base/address.ts';
import type { AddressLine, Config, RouteLine, RuleLine } from '../keepalived/model.ts';
import type { Change, Op, Placed, StaticChange, Withdrawal } from './change.ts';
import { changedLines, type Lines, type ListName } from './changed-lines.ts';
import { deviceOf, effective, identityOf } from './effective.ts';
import type { InstanceIn, InstancePair } from './instances.ts';
import {
  asSet,
  canonical,
  compareText,
  differingFields,
  normalAddress,
  normalRoute,
  normalRule,
  pairUp,
} from './lines.ts';
import { addressWords, routeWords, ruleWords } from './words.ts';

/** What the three kinds of lines have of their own. */
interface Kind<Line extends object> {
  readonly words: (line: Line) => string;
  /** What stays the same while the line is edited, the most telling first; undefined: nothing does. */
  readonly same: readonly ((line: Line) => string | undefined)[];
  readonly withdraws: (line: Line, aspects: readonly string[] | undefined) => Withdrawal | undefined;
}

const NOTHING: Withdrawal = { vips: [], routes: [], rules: [], instances: [] };

const ADDRESS: Kind<AddressLine> = {
  words: addressWords,
  same: [(line) => `${line.address.text} ${line.dev}`, (line) => line.address.text],
  // On another device it leaves the hosts that it served.
  withdraws: (line, aspects) =>
    aspects === undefined || aspects.includes('dev')
      ? { ...NOTHING, vips: [`${formatIpPrefix(line.address)}${aspects ? ` on ${line.dev}` : ''}`] }
      : undefined,
};

const ROUTE: Kind<RouteLine> = {
  words: routeWords,
  same: [(line) => canonical([line.to, line.table, line.metric, line.tos])],
  withdraws: (line, aspects) => (aspects ? undefined : { ...NOTHING, routes: [routeWords(line)] }),
};

const RULE: Kind<RuleLine> = {
  words: ruleWords,
  same: [(line) => (line.priority === undefined ? undefined : `${line.family ?? 4} ${line.priority}`)],
  withdraws: (line, aspects) => (aspects ? undefined : { ...NOTHING, rules: [ruleWords(line)] }),
};

/** A line in its place; `pair` names its instance on both sides alike. */
interface Item<Line> extends Placed<Line> {
  readonly pair: string;
}

/** Addresses, routes and rules of all instances together: one that moved between instances is found again. */
export function diffInstanceLines(pairs: readonly InstancePair[]): Change[] {
  const advertised = 'virtual_ipaddress';
  const vips = diffLines(ADDRESS, ...bothSides(pairs, addressesOf)).map((change): Change => {
    const inAdvert = change.before?.keyword === advertised || change.after?.keyword === advertised;
    return {
      ...change,
      subject: inAdvert ? 'vip' : 'vip-excluded',
      text: `${inAdvert ? 'vip' : 'excluded vip'} ${change.text}`,
    };
  });
  const routes = diffLines(ROUTE, ...bothSides(pairs, routesOf)).map(
    (change): Change => ({ ...change, subject: 'route', text: `route ${change.text}` }),
  );
  const rules = diffLines(RULE, ...bothSides(pairs, rulesOf)).map(
    (change): Change => ({ ...change, subject: 'rule', text: `rule ${change.text}` }),
  );
  return [...sorted(vips), ...sorted(routes), ...sorted(rules)];
}

/** What of a list of an instance has to be compared. */
type ListOf = <Name extends ListName>(at: InstanceIn, name: Name) => Lines<Name>;
type LinesOf<Line> = (at: InstanceIn, pair: string, listOf: ListOf) => Item<Line>[];

function bothSides<Line>(pairs: readonly InstancePair[], linesOf: LinesOf<Line>): [Item<Line>[], Item<Line>[]] {
  const side = (which: 'before' | 'after'): Item<Line>[] =>
    pairs.flatMap((pair) => {
      const at = pair[which];
      return at ? linesOf(at, nameOf(pair), changedOf(pair)) : [];
    });
  return [side('before'), side('after')];
}

/** On another interface the same line is another one. */
function changedOf({ before, after }: InstancePair): ListOf {
  const comparable =
    before && after && deviceOf(before.config, before.instance) === deviceOf(after.config, after.instance);
  return <Name extends ListName>(at: InstanceIn, name: Name) => {
    const linesOf = ({ instance }: InstanceIn): Lines<Name> => (instance[name] ?? []) as Lines<Name>;
    if (!comparable) return linesOf(at);
    return changedLines(name, linesOf(before), linesOf(after))[at === before ? 0 : 1];
  };
}

/** The same text when the sides are swapped, and different for two instances that swap their names. */
function nameOf({ before, after }: InstancePair): string {
  const sides = [before, after].filter((at) => at !== undefined);
  const texts = sides.map((at) => canonical([at.instance.name, identityOf(effective(at.config, at.instance))]));
  return texts.sort(compareText).join();
}

const addressesOf: LinesOf<AddressLine> = (at, pair, listOf) =>
  (['virtual_ipaddress', 'virtual_ipaddress_excluded'] as const).flatMap((keyword) =>
    asSet(listOf(at, keyword).map((line) => normalAddress(line, deviceOf(at.config, at.instance)))).map((line) => ({
      pair,
      instance: at.instance.name,
      keyword,
      line,
    })),
  );

const routesOf: LinesOf<RouteLine> = (at, pair, listOf) =>
  asSet(listOf(at, 'virtual_routes').map(normalRoute)).map((line) => ({
    pair,
    instance: at.instance.name,
    keyword: 'virtual_routes',
    line,
  }));

const rulesOf: LinesOf<RuleLine> = (at, pair, listOf) =>
  asSet(listOf(at, 'virtual_rules').map(normalRule)).map((line) => ({
    pair,
    instance: at.instance.name,
    keyword: 'virtual_rules',
    line,
  }));

interface FoundChange<Line> {
  readonly op: Op;
  readonly instance: string;
  readonly keyword: string;
  readonly text: string;
  readonly before?: Placed<Line>;
  readonly after?: Placed<Line>;
  readonly aspects: readonly string[];
  readonly withdraws?: Withdrawal;
}

function diffLines<Line extends object>(
  kind: Kind<Line>,
  before: readonly Item<Line>[],
  after: readonly Item<Line>[],
): FoundChange<Line>[] {
  const within = (scope: (item: Item<Line>) => string) =>
    [canonical, ...kind.same].map((same) => (item: Item<Line>) => {
      const key = same(item.line);
      return key === undefined ? undefined : `${scope(item)} ${key}`;
    });
  const { pairs, removed, added } = pairUp(before, after, [
    ...within((item) => `${item.pair} ${item.keyword}`),
    ...within((item) => item.pair),
    ...within(() => ''),
  ]);
  const changed = pairs.flatMap(([b, a]) => {
    const aspects = aspectsOf(b, a);
    return aspects.length === 0 ? [] : [found(kind, b, a, aspects)];
  });
  return [
    ...removed.map((b) => found(kind, b, undefined, [])),
    ...added.map((a) => found(kind, undefined, a, [])),
    ...changed,
  ];
}

function aspectsOf<Line extends object>(before: Item<Line>, after: Item<Line>): string[] {
  const aspects = differingFields(before.line, after.line).map((field) => (field === 'address' ? 'prefix' : field));
  if (before.keyword !== after.keyword) aspects.push('keyword');
  if (before.pair !== after.pair) aspects.push('instance');
  return aspects.sort(compareText);
}

function found<Line extends object>(
  kind: Kind<Line>,
  before: Item<Line> | undefined,
  after: Item<Line> | undefined,
  aspects: readonly string[],
): FoundChange<Line> {
  const now = (after ?? before)!;
  const placed = ({ instance, keyword, line }: Item<Line>): Placed<Line> => ({ instance, keyword, line });
  const withdraws = before && kind.withdraws(before.line, after && aspects);
  return {
    op: opOf(before, after),
    instance: now.instance,
    keyword: now.keyword,
    text: kind.words(now.line) + (before && after ? was(kind, before, aspects) : ''),
    ...(before && { before: placed(before) }),
    ...(after && { after: placed(after) }),
    aspects,
    ...(withdraws && { withdraws }),
  };
}

function was<Line extends object>(kind: Kind<Line>, before: Item<Line>, aspects: readonly string[]): string {
  const moved = [
    ...(aspects.includes('instance') ? [`in ${before.instance}`] : []),
    ...(aspects.includes('keyword') ? [`in ${before.keyword}`] : []),
  ];
  const isEdited = aspects.length > moved.length;
  return ` (was ${[...(isEdited ? [kind.words(before.line)] : []), ...moved].join(' ')})`;
}

const opOf = (before: unknown, after: unknown): Op =>
  before === undefined ? 'add' : after === undefined ? 'remove' : 'change';

/** static_ipaddress, static_routes and static_rules. */
export function diffStatics(before: Config, after: Config): Change[] {
  const addresses = (config: Config): AddressLine[] =>
    config.static_ipaddress.map((line) => normalAddress(line, undefined));
  return sorted([
    ...diffStatic(ADDRESS, 'static_ipaddress', addresses(before), addresses(after)),
    ...diffStatic(ROUTE, 'static_routes', before.static_routes.map(normalRoute), after.static_routes.map(normalRoute)),
    ...diffStatic(RULE, 'static_rules', before.static_rules.map(normalRule), after.static_rules.map(normalRule)),
  ]);
}

function diffStatic<Line extends AddressLine | RouteLine | RuleLine>(
  kind: Kind<Line>,
  keyword: string,
  before: readonly Line[],
  after: readonly Line[],
): StaticChange[] {
  const item = (line: Line): Item<Line> => ({ pair: '', instance: '', keyword, line });
  return diffLines(kind, asSet(before).map(item), asSet(after).map(item)).map(({ op, text, withdraws, ...change }) => ({
    op,
    subject: 'static',
    keyword,
    text: `${keyword} ${text}`,
    ...(change.before && { before: change.before.line }),
    ...(change.after && { after: change.after.line }),
    aspects: change.aspects,
    ...(withdraws && { withdraws }),
  }));
}

/** By instance and then as people count: .2 before .10. */
function sorted(changes: readonly Change[]): Change[] {
  const counted = (change: Change): string =>
    `${change.instance ?? ''} ${change.keyword} ${change.text.replace(/\d+/g, (digits) => digits.padStart(5, '0'))}`;
  return changes
    .map((change) => ({ change, key: counted(change) }))
    .sort((a, b) => compareText(a.key, b.key))
    .map(({ change }) => change);
}
