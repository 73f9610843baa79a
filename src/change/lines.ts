/**
 * When two lines of a file mean the same, and which line of the old file became which of the new one.
 * Order never matters to keepalived's reload: it compares lists as sets. The kernel's order of primary and secondary
 * addresses therefore follows the history of a device, not the file; `primary.ts` reads it from the router.
 */
import { broadcastOf } from '../base/address.ts';
import type { AddressLine, RouteLine, RuleLine } from '../keepalived/model.ts';

/** One text for one meaning: keys sorted, absent fields left out. Lists keep their order. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, v]) => v !== undefined);
    return `{${fields
      .sort(([a], [b]) => compareText(a, b))
      .map(([k, v]) => `${k}:${canonical(v)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'undefined';
}

/** Code unit order: the same on every machine. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Without what the kernel assumes anyway; an address without a device stands on `device`. */
export function normalAddress(line: AddressLine, device: string | undefined): AddressLine {
  const { dev = device, broadcast, scope, preferred_lft, flags, ...rest } = line;
  const brd = broadcast === '+' && line.address.family === 4 ? broadcastOf(line.address) : broadcast;
  return {
    ...rest,
    ...(dev !== undefined && { dev }),
    ...(brd !== undefined && brd !== '-' && { broadcast: typeof brd === 'string' ? { family: 4, text: brd } : brd }),
    ...(scope !== undefined && !['global', 'universe', '0'].includes(scope) && { scope }),
    ...(preferred_lft !== undefined && preferred_lft !== 'forever' && { preferred_lft }),
    ...(flags?.length && { flags: [...new Set(flags)].sort(compareText) }),
  };
}

export function normalRoute(line: RouteLine): RouteLine {
  const { to, table, type, metric, tos, ...rest } = line;
  return {
    ...rest,
    to: 'prefix' in to && to.prefix === 0 ? { family: to.family, default: true } : to,
    ...(table !== undefined && !isMain(table) && { table }),
    ...(type !== undefined && type !== 'unicast' && { type }),
    ...(metric && { metric }),
    ...(tos && { tos }),
  };
}

export function normalRule(line: RuleLine): RuleLine {
  const { tos, ...rest } = line;
  return { ...rest, ...(tos && { tos }) };
}

const isMain = (table: string): boolean => table === 'main' || table === '254';

/** The names of the fields in which two lines differ, sorted. */
export function differingFields(before: object, after: object): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const value = (side: object, name: string): string => canonical((side as Record<string, unknown>)[name]);
  return [...names].filter((name) => value(before, name) !== value(after, name)).sort(compareText);
}

export interface Paired<T> {
  readonly pairs: readonly (readonly [T, T])[];
  readonly removed: readonly T[];
  readonly added: readonly T[];
}

/**
 * Pairs what is before with what is after by each key in turn, the most telling one first; within one key in the
 * order of `canonical`. So it does not depend on the order of the lists, and swapping the sides swaps the result.
 */
export function pairUp<T>(
  before: readonly T[],
  after: readonly T[],
  keys: readonly ((item: T) => string | undefined)[],
): Paired<T> {
  const pairs: (readonly [T, T])[] = [];
  let removed = inOrder(before);
  let added = inOrder(after);
  for (const key of keys) {
    if (removed.length === 0 || added.length === 0) break;
    const waiting = groupBy(added, key);
    const taken = new Set<T>();
    removed = removed.filter((old) => {
      const name = key(old);
      const partner = name === undefined ? undefined : waiting.get(name)?.shift();
      if (partner === undefined) return true;
      taken.add(partner);
      pairs.push([old, partner]);
      return false;
    });
    added = added.filter((item) => !taken.has(item));
  }
  return { pairs, removed, added };
}

function inOrder<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, text: canonical(item) }))
    .sort((a, b) => compareText(a.text, b.text))
    .map(({ item }) => item);
}

function groupBy<T>(items: readonly T[], key: (item: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    if (name === undefined) continue;
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** Sorted and without repeats: for lists of which only the members count. */
export function asSet<T>(list: readonly T[]): T[] {
  return [...new Map(list.map((item) => [canonical(item), item]))]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, item]) => item);
}
