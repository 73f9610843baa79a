/** In which order the routers of a pair are changed, from what the single changes wish for. */
import { unreachable } from '../base/assert.ts';
import { type Millis, ms } from '../base/units.ts';
import { activeDownInterval } from '../keepalived/timing.ts';
import { other, type PairContext, type PairInstance, type Place } from './context.ts';
import type { Finding, Order } from './impact-model.ts';
import { compareText } from './lines.ts';

/** What one change asks of the order. */
export type Wish =
  | { readonly kind: 'staged' }
  | { readonly kind: 'together'; readonly instances: readonly PairInstance[] }
  | {
      readonly kind: 'first';
      readonly first: 'master' | 'backup' | 'higher';
      readonly instances: readonly PairInstance[];
    }
  /** That router gives up what it is MASTER of before its turn. */
  | { readonly kind: 'demote'; readonly router: string };

/** `staged`: no single order will do. */
export function orderOf(
  pair: PairContext,
  findings: readonly Finding[],
  wishes: readonly Wish[],
): Exclude<Order, { readonly kind: 'staged' }> | 'staged' {
  if (findings.every((finding) => finding.class === 'none')) return { kind: 'none' };
  if (wishes.some((wish) => wish.kind === 'staged')) return 'staged';
  const sync = wishes.flatMap((wish) => (wish.kind === 'together' ? wish.instances : []));
  if (wishes.some((wish) => wish.kind === 'together')) {
    return {
      kind: 'together',
      routers: names(pair, anyOrder(pair)),
      budget: budgetOf(pair, sync),
      reason: "each would refuse the other's adverts in between: both within half a down timer",
    };
  }
  const demote = [...new Set(wishes.flatMap((wish) => (wish.kind === 'demote' ? [wish.router] : [])))];
  const firsts = new Set(wishes.flatMap((wish) => (wish.kind === 'first' ? firstsOf(wish) : [])));
  if (firsts.size > 1) return 'staged';
  const [first] = firsts;
  return first === undefined
    ? { kind: 'one-by-one', routers: names(pair, anyOrder(pair)), demote, reason: whyAnyOrder(pair) }
    : {
        kind: 'one-by-one',
        routers: names(pair, first),
        demote,
        reason: `safe only with ${pair.routers[first].name} first`,
      };
}

const names = (pair: PairContext, first: Place): string[] => [
  pair.routers[first].name,
  pair.routers[other(first)].name,
];

/** Which router each instance wants first. */
export function firstsOf({ first, instances }: Extract<Wish, { readonly kind: 'first' }>): Place[] {
  return instances.map((instance) => firstOf(first, instance)).filter((place) => place !== undefined);
}

export function firstOf(first: 'master' | 'backup' | 'higher', instance: PairInstance): Place | undefined {
  switch (first) {
    case 'master':
      return instance.master;
    case 'backup':
      return instance.master === undefined ? undefined : other(instance.master);
    case 'higher': {
      const [a, b] = instance.sides.map((side) => side?.after?.effective.priority ?? 0);
      return a! >= b! ? 0 : 1;
    }
    default:
      return unreachable(first);
  }
}

/** The router that is backup of more instances; names break ties. */
export function anyOrder(pair: PairContext): Place {
  const [a, b] = backups(pair);
  if (a !== b) return a > b ? 0 : 1;
  return compareText(pair.routers[0].name, pair.routers[1].name) <= 0 ? 0 : 1;
}

function backups(pair: PairContext): [number, number] {
  const count = (place: Place): number => pair.instances.filter((i) => i.master === other(place)).length;
  return [count(0), count(1)];
}

function whyAnyOrder(pair: PairContext): string {
  const place = anyOrder(pair);
  const count = backups(pair);
  const { name } = pair.routers[place];
  if (count[place] === count[other(place)]) return `${name} by its name: both are backup of as many instances`;
  return `${name} first: it is backup of ${count[place]} instance${count[place] === 1 ? '' : 's'}, the other of ${count[other(place)]}`;
}

/**
 * How far apart the two reloads may be: half the shortest down timer of the instances, before or after, less how far
 * the two clocks may be off. In version 3 the larger interval of the two routers counts, for it is learned.
 */
function budgetOf(pair: PairContext, instances: readonly PairInstance[]): Millis {
  const concerned = instances.length > 0 ? instances : pair.instances;
  const timers = concerned.flatMap((instance) => [downTimer(instance, 'before'), downTimer(instance, 'after')].flat());
  const uncertainty = pair.routers.reduce((sum, router) => sum + router.facts.clock.uncertainty, 0);
  return ms(timers.length === 0 ? 0 : Math.max(0, Math.min(...timers) / 2 - uncertainty));
}

/** Each router's down timer of this instance. */
export function downTimer(instance: PairInstance, which: 'before' | 'after'): Millis[] {
  const known = instance.sides.flatMap((side) => side?.[which]?.effective ?? []);
  const larger = Math.max(...known.map((e) => e.advertInt));
  return known.map(({ version, priority, advertInt, downTimerAdverts }) =>
    activeDownInterval({ version, priority, advertInt: version === 3 ? ms(larger) : advertInt, downTimerAdverts }),
  );
}
