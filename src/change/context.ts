/** The ground that the rules stand on: both routers, and each VRRP instance as the pair sees it. */
import { EMPTY } from '../keepalived/empty.ts';
import type { Config } from '../keepalived/model.ts';
import type { Change } from './change.ts';
import { diff } from './diff.ts';
import { type Effective, effective } from './effective.ts';
import type { Facts, PairInput, RouterInput } from './impact-model.ts';
import { type InstanceIn, pairInstances } from './instances.ts';
import { pairUp } from './lines.ts';
import type { LiveState } from './observed.ts';
import { type Column, columnOf, strictestOf } from './version.ts';

/** 0 and 1: the place of a router in PairInput. */
export type Place = 0 | 1;

export const other = (place: Place): Place => (place === 0 ? 1 : 0);

export interface PairContext {
  readonly routers: readonly [RouterContext, RouterContext];
  /** What holds on the wire: the column of the one that forgives less. */
  readonly wire: Column;
  readonly instances: readonly PairInstance[];
}

export interface RouterContext {
  readonly name: string;
  readonly place: Place;
  readonly before: Config;
  readonly after: Config;
  readonly changes: readonly Change[];
  readonly column: Column;
  readonly facts: Facts;
  /** Whether a daemon runs there that speaks VRRP now. */
  readonly running: boolean;
}

/** One VRRP instance on both routers. */
export interface PairInstance {
  /** The new name; the old one where it is removed on both. */
  readonly name: string;
  readonly sides: readonly [Side | undefined, Side | undefined];
  /** Which router is MASTER now. Without live roles, the one that should be; undefined: it runs nowhere yet. */
  readonly master: Place | undefined;
}

export interface Side {
  readonly before?: InstanceIn & { readonly effective: Effective };
  readonly after?: InstanceIn & { readonly effective: Effective };
  readonly state?: LiveState;
}

export function contextOf({ routers }: PairInput): PairContext {
  const contexts = [routerContext(routers[0], 0), routerContext(routers[1], 1)] as const;
  return {
    routers: contexts,
    wire: strictestOf(contexts[0].column, contexts[1].column),
    instances: pairedInstances(contexts),
  };
}

function routerContext(input: RouterInput, place: Place): RouterContext {
  const before = input.before ?? EMPTY;
  return {
    name: input.router,
    place,
    before,
    after: input.after,
    changes: [...diff(before, input.after), ...(input.files ?? [])],
    column: columnOf(input.engine, input.facts.daemon),
    facts: input.facts,
    running: input.facts.daemon.kind === 'running',
  };
}

function pairedInstances(routers: readonly [RouterContext, RouterContext]): PairInstance[] {
  const sides = routers.map((router) => pairInstances(router.before, router.after).map((pair) => sideOf(router, pair)));
  const now = (side: Side): Effective => (side.after ?? side.before)!.effective;
  const wire = (side: Side): string => `${now(side).vrid} ${now(side).family}`;
  // Across the wire an instance is its VRID and family; the name decides where a VRID stands on two segments.
  const { pairs, removed, added } = pairUp(sides[0]!, sides[1]!, [
    (side) => `${wire(side)} ${now(side).name}`,
    wire,
    (side) => now(side).name,
  ]);
  const found: (readonly [Side | undefined, Side | undefined])[] = [
    ...pairs,
    ...removed.map((side) => [side, undefined] as const),
    ...added.map((side) => [undefined, side] as const),
  ];
  return found.map((both) => ({ name: now((both[0] ?? both[1])!).name, sides: both, master: masterOf(both) }));
}

function sideOf(router: RouterContext, pair: { readonly before?: InstanceIn; readonly after?: InstanceIn }): Side {
  const known = (at: InstanceIn) => ({ ...at, effective: effective(at.config, at.instance) });
  const state = router.facts.instances?.find((fact) => fact.name === pair.before?.instance.name)?.state;
  return {
    ...(pair.before && { before: known(pair.before) }),
    ...(pair.after && { after: known(pair.after) }),
    ...(state && { state }),
  };
}

function masterOf(sides: readonly [Side | undefined, Side | undefined]): Place | undefined {
  const live = ([0, 1] as const).find((place) => sides[place]?.state === 'MASTER');
  if (live !== undefined) return live;
  const [a, b] = sides.map((side) => side?.before?.effective.priority);
  if (a === undefined && b === undefined) return undefined;
  return (a ?? 0) >= (b ?? 0) ? 0 : 1;
}
