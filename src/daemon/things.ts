/**
 * What an instance owns while it is MASTER, and what the file wants always: lines of keepalived.conf as values that can
 * be put into the kernel, taken out of it, and found again in its notices.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { partsOf, type Steps } from '../base/steps.ts';
import { printAddress } from '../keepalived/address-line.ts';
import type { AddressLine, Config, Instance, RouteLine, RuleLine } from '../keepalived/model.ts';
import { printRoute } from '../keepalived/route-line.ts';
import { printRule } from '../keepalived/rule-line.ts';
import type { Address } from '../linux/address.ts';
import type { Change, Snapshot } from '../linux/kernel.ts';
import { addressOf, type LineContext, type Resolved, routeOf, ruleOf } from '../linux/lines.ts';
import type { Route } from '../linux/route.ts';
import type { Rule } from '../linux/rule.ts';
import type { Owned } from '../vrrp/state.ts';

export interface Thing {
  /** What the kernel tells it by from others of its kind. */
  readonly key: string;
  /** The line in keepalived's words. */
  readonly text: string;
  readonly add: Change;
  readonly remove: Change;
}

/** A line that names what is not there: a routing table without a number, a vrf device. */
export interface Unresolved {
  readonly text: string;
  readonly reason: string;
}

export interface Things {
  readonly things: readonly Thing[];
  readonly unresolved: readonly Unresolved[];
}

/** What the lines need to be understood, but for the device of addresses that name none. */
export type Context = Omit<LineContext, 'dev'> & {
  readonly config: Config;
  /** The VMACs that addresses lie on. */
  readonly placed: ReadonlyMap<AddressLine, string>;
  /** What lines were found to mean before. */
  readonly known: KnownLines;
};

/** By line, with the device that it was read for; a line that gets its priority from its place is not kept. */
export type KnownLines = WeakMap<object, { readonly dev: string; readonly thing: Thing }>;

export function ownedThings(context: Context, instance: Instance, what: Owned): Steps<Things> {
  const dev = instance.interface ?? context.config.global_defs.default_interface ?? '';
  switch (what) {
    case 'addresses':
      return addresses(context, instance.virtual_ipaddress ?? [], dev);
    case 'excluded':
      return addresses(context, instance.virtual_ipaddress_excluded ?? [], dev);
    case 'routes':
      return routes(context, instance.virtual_routes ?? [], dev);
    case 'rules':
      return rules(context, instance.virtual_rules ?? [], dev);
  }
}

/** static_ipaddress, static_routes, static_rules: in the order in which they depend on each other. */
export function* staticThings(context: Context): Steps<Things> {
  const { static_ipaddress, static_routes, static_rules } = context.config;
  const all = [
    yield* addresses(context, static_ipaddress, context.config.global_defs.default_interface ?? ''),
    yield* routes(context, static_routes, ''),
    yield* rules(context, static_rules, ''),
  ];
  return { things: all.flatMap(({ things }) => things), unresolved: all.flatMap(({ unresolved }) => unresolved) };
}

/** The instances that a static line, as it is printed, has in its track_group. */
export function trackingStatic(config: Config, text: string): readonly string[] {
  const named = [
    ...config.static_ipaddress.map((line) => [line.track_group, printAddress(line)]),
    ...config.static_routes.map((line) => [line.track_group, printRoute(line)]),
    ...config.static_rules.map((line) => [line.track_group, printRule(line)]),
  ].filter(([group, printed]) => group !== undefined && printed === text);
  return config.track_group.filter(({ name }) => named.some(([group]) => group === name)).flatMap(({ group }) => group);
}

const addresses = (context: Context, lines: readonly AddressLine[], dev: string): Steps<Things> =>
  collect(
    lines,
    { context, devOf: (line) => context.placed.get(line) ?? dev, print: printAddress, make: addressThing },
    (line) => {
      const placed = context.placed.get(line);
      return addressOf(placed === undefined ? line : { ...line, dev: placed }, { ...context, dev });
    },
  );

const routes = (context: Context, lines: readonly RouteLine[], dev: string): Steps<Things> =>
  collect(lines, { context, devOf: () => dev, print: printRoute, make: routeThing }, (line) =>
    routeOf(line, { ...context, dev }),
  );

function rules(context: Context, lines: readonly RuleLine[], dev: string): Steps<Things> {
  const priorities = rulePriorities(context.config);
  const make = (rule: Rule, text: string): Thing => ruleThing(rule, text);
  const isOwn = ({ priority }: RuleLine): boolean => priority === undefined;
  return collect(lines, { context, devOf: () => dev, print: printRule, make, isOwn }, (line) =>
    ruleOf(line, { ...context, dev }, priorities.get(line)!),
  );
}

/** keepalived counts down from here, in the order of the file, for rules that give none. */
const RULE_PRIORITY_FIRST = 16_384;

function rulePriorities(config: Config): ReadonlyMap<RuleLine, number> {
  const all = [...config.static_rules, ...config.vrrp_instance.flatMap(({ virtual_rules = [] }) => virtual_rules)];
  const without = all.filter(({ priority }) => priority === undefined);
  const given = new Map(without.map((line, i) => [line, RULE_PRIORITY_FIRST - i]));
  return new Map(all.map((line) => [line, line.priority ?? given.get(line)!]));
}

interface Kind<Line, Value> {
  readonly context: Context;
  readonly devOf: (line: Line) => string;
  readonly print: (line: Line) => string;
  readonly make: (value: Value, text: string, line: Line) => Thing;
  /** What it means depends on where it stands. */
  readonly isOwn?: (line: Line) => boolean;
}

function* collect<Line extends object, Value>(
  lines: readonly Line[],
  { context: { known }, devOf, print, make, isOwn }: Kind<Line, Value>,
  read: (line: Line) => Resolved<Value>,
): Steps<Things> {
  const things: Thing[] = [];
  const unresolved: Unresolved[] = [];
  for (const part of partsOf(lines)) {
    yield;
    for (const line of part) {
      const dev = devOf(line);
      const before = known.get(line);
      if (before?.dev === dev && !isOwn?.(line)) {
        things.push(before.thing);
        continue;
      }
      const text = print(line);
      const resolved = read(line);
      if (resolved.kind === 'resolved') {
        const thing = make(resolved.value, text, line);
        known.set(line, { dev, thing });
        things.push(thing);
      } else unresolved.push({ text, reason: resolved.reason });
    }
  }
  return { things, unresolved };
}

export const addressThing = (address: Address, text: string): Thing => ({
  key: addressKey(address),
  text,
  add: { kind: 'address', verb: 'add', address },
  remove: { kind: 'address', verb: 'delete', address },
});

/** keepalived puts a route in front of others with its key, unless the line says otherwise. */
export function routeThing(route: Route, text: string, line?: RouteLine): Thing {
  const verb = (['add', 'append'] as const).find((word) => line?.options?.[word] !== undefined) ?? 'prepend';
  return {
    key: routeKey(route),
    text,
    add: { kind: 'route', verb, route },
    remove: { kind: 'route', verb: 'delete', route },
  };
}

export const ruleThing = (rule: Rule, text: string): Thing => ({
  key: ruleKey(rule),
  text,
  add: { kind: 'rule', verb: 'add', rule },
  remove: { kind: 'rule', verb: 'delete', rule },
});

/** IPv4: device, address and prefix length; IPv6: device and address. */
export const addressKey = ({ dev, address }: Pick<Address, 'dev' | 'address'>): string =>
  `address ${dev} ${address.text}${address.family === 4 ? `/${address.prefix}` : ''}`;

const METRIC_IPV6 = 1024;

export const routeKey = ({ destination, from, tos = 0, table, metric, type }: Route): string => {
  const { family, text, prefix } = destination;
  const source = from === undefined ? '' : ` from ${from.text}/${from.prefix}`;
  return `route ${type} ${text}/${prefix}${source} table ${table} tos ${tos} metric ${metric ?? (family === 6 ? METRIC_IPV6 : 0)}`;
};

/** The kernel has no key for rules; these are what it compares first. */
export const ruleKey = ({ family, priority, from, to, iif, oif, mark, table, action }: Rule): string =>
  `rule ${family} ${JSON.stringify([priority, from, to, iif, oif, mark, table, action])}`;

/** Whether the kernel would be asked for the same. */
export function sameThing(one: Thing, other: Thing): boolean {
  if (one === other) return true;
  const [a, b] = [one.add, other.add];
  if (a.kind === 'address' && b.kind === 'address') return isDeepStrictEqual(a.address, b.address);
  if (a.kind === 'route' && b.kind === 'route') return isDeepStrictEqual(a.route, b.route);
  return a.kind === 'rule' && b.kind === 'rule' && isDeepStrictEqual(a.rule, b.rule);
}

/** So many keys take about a millisecond; what else is due comes in between. */
const KEYS_AT_ONCE = 1_000;

/** What stands, by key. */
export async function keysOf({ addresses: standing, routes: routed, rules: ruled }: Snapshot): Promise<Set<string>> {
  const keys = new Set<string>();
  const take = async <T>(values: readonly T[], keyOf: (value: T) => string): Promise<void> => {
    for (const [i, value] of values.entries()) {
      keys.add(keyOf(value));
      if (i % KEYS_AT_ONCE === KEYS_AT_ONCE - 1) await nextTurn();
    }
  };
  await take(standing, addressKey);
  await take(routed, routeKey);
  await take(ruled, ruleKey);
  return keys;
}
