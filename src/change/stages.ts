/** The configuration in between, for changes that no single reload can make. */
import type { Config, Instance } from '../keepalived/model.ts';
import type { Change, Placed } from './change.ts';
import type { PairContext, PairInstance, Place, RouterContext } from './context.ts';
import { deviceOf } from './effective.ts';
import type { PairInput, Stage } from './impact-model.ts';
import { canonical, compareText, normalAddress, normalRoute, normalRule } from './lines.ts';
import { firstOf, type Wish } from './order.ts';

/**
 * Two stages: first without what may only come second, then everything. undefined where that makes no difference.
 * What comes second: a line that moved, in its new instance; a new instance's membership in a sync group; and where
 * instances want different routers first, those that want the second router first.
 */
export function stagesOf(
  input: PairInput,
  pair: PairContext,
  wishes: readonly Wish[],
): Omit<Stage, 'order'>[] | undefined {
  const heldBack = conflicting(pair, wishes);
  const first = new Map<string, Config>();
  const what = new Set<string>();
  for (const router of pair.routers) {
    const config = withoutMoved(withoutJoins(withHeldBack(router, heldBack, what), router, what), router, what);
    first.set(router.name, config);
  }
  const last = new Map(input.routers.map(({ router, after }) => [router, after]));
  const differs = [...first].some(([router, config]) => canonical(config) !== canonical(last.get(router)));
  if (!differs) return undefined;
  return [
    { what: [...what].join(', '), configs: first },
    { what: 'the rest', configs: last },
  ];
}

/** Instances whose wishes go against the others': the old form of each stays in the first stage. */
function conflicting(pair: PairContext, wishes: readonly Wish[]): Set<PairInstance> {
  const firsts = wishes.flatMap((wish) =>
    wish.kind === 'first' ? wish.instances.map((instance) => ({ instance, place: firstOf(wish.first, instance) })) : [],
  );
  const wanted = new Set(firsts.map(({ place }) => place).filter((place) => place !== undefined));
  if (wanted.size < 2) return new Set();
  const second: Place = compareText(pair.routers[0].name, pair.routers[1].name) < 0 ? 1 : 0;
  return new Set(firsts.filter(({ place }) => place === second).map(({ instance }) => instance));
}

function withHeldBack(router: RouterContext, heldBack: ReadonlySet<PairInstance>, what: Set<string>): Config {
  const sides = [...heldBack].flatMap((instance) => instance.sides[router.place] ?? []);
  if (sides.length === 0) return router.after;
  what.add(`without what changes in ${[...heldBack].map((instance) => instance.name).join(', ')}`);
  const kept = sides.flatMap((side) => side.before?.instance ?? []);
  const waiting = new Map(
    sides.flatMap((side) => (side.after ? [[side.after.instance.name, side.before?.instance.name] as const] : [])),
  );
  const config = withDefinitions(router);
  return {
    ...config,
    vrrp_instance: [...config.vrrp_instance.filter((instance) => !waiting.has(instance.name)), ...kept],
    vrrp_sync_group: config.vrrp_sync_group
      .map((g) => ({ ...g, group: g.group.flatMap((name) => (waiting.has(name) ? (waiting.get(name) ?? []) : name)) }))
      .filter((g) => g.group.length > 0),
  };
}

/** The new definitions, and the old ones that are gone: what is held back may still track them. */
function withDefinitions({ before, after }: RouterContext): Config {
  const both = <T extends { readonly name: string }>(now: readonly T[], old: readonly T[]): T[] => [
    ...now,
    ...old.filter(({ name }) => !now.some((block) => block.name === name)),
  ];
  return {
    ...after,
    vrrp_script: both(after.vrrp_script, before.vrrp_script),
    track_file: both(after.track_file, before.track_file),
    track_process: both(after.track_process, before.track_process),
  };
}

/** New instances outside the sync groups that run already; a group of which nothing is left waits as well. */
function withoutJoins(config: Config, router: RouterContext, what: Set<string>): Config {
  const runs = new Set(router.before.vrrp_instance.map((instance) => instance.name));
  const added = new Set(
    router.changes
      .filter((change) => change.subject === 'instance' && change.keyword === 'vrrp_instance' && change.op === 'add')
      .map((change) => change.instance!),
  );
  const groups = config.vrrp_sync_group.map((group) => {
    const waiting = group.group.filter((name) => added.has(name) && !runs.has(name));
    if (waiting.length === 0 || waiting.length === group.group.length) return group;
    what.add(`${waiting.join(', ')} outside sync group ${group.name}`);
    return { ...group, group: group.group.filter((name) => !waiting.includes(name)) };
  });
  return { ...config, vrrp_sync_group: groups };
}

/** Without the lines that moved, in either instance; an instance left without advertised addresses waits as well. */
function withoutMoved(config: Config, router: RouterContext, what: Set<string>): Config {
  const moved = router.changes.filter(isMoved);
  if (moved.length === 0) return config;
  for (const change of moved) what.add(`without ${change.text}`);
  const gone = new Set(moved.flatMap((change) => [keyOf(change.before!), keyOf(change.after!)]));
  const instances = config.vrrp_instance.flatMap((instance): Instance[] => {
    const trimmed = trim(config, instance, gone);
    const isNew = !router.before.vrrp_instance.some((old) => old.name === instance.name);
    const isEmpty = instance.virtual_ipaddress?.length && !trimmed.virtual_ipaddress?.length;
    return isNew && isEmpty ? [] : [trimmed];
  });
  const names = new Set(instances.map((instance) => instance.name));
  const groups = config.vrrp_sync_group.map((g) => ({ ...g, group: g.group.filter((name) => names.has(name)) }));
  return { ...config, vrrp_instance: instances, vrrp_sync_group: groups.filter((g) => g.group.length > 0) };
}

type Moved = Exclude<Extract<Change, { readonly aspects: readonly string[] }>, { readonly subject: 'static' }>;

const isMoved = (change: Change): change is Moved =>
  'aspects' in change && change.subject !== 'static' && change.aspects.includes('instance');

const keyOf = ({ instance, keyword, line }: Placed<object>): string => `${instance} ${keyword} ${canonical(line)}`;

function trim(config: Config, instance: Instance, gone: ReadonlySet<string>): Instance {
  const keep = <T extends object>(keyword: string, list: readonly T[], normal: (line: T) => object): T[] =>
    list.filter((line) => !gone.has(keyOf({ instance: instance.name, keyword, line: normal(line) })));
  const device = deviceOf(config, instance);
  const { virtual_ipaddress: vips, virtual_ipaddress_excluded: excluded, virtual_routes, virtual_rules } = instance;
  return {
    ...instance,
    ...(vips && { virtual_ipaddress: keep('virtual_ipaddress', vips, (l) => normalAddress(l, device)) }),
    ...(excluded && {
      virtual_ipaddress_excluded: keep('virtual_ipaddress_excluded', excluded, (l) => normalAddress(l, device)),
    }),
    ...(virtual_routes && { virtual_routes: keep('virtual_routes', virtual_routes, normalRoute) }),
    ...(virtual_rules && { virtual_rules: keep('virtual_rules', virtual_rules, normalRule) }),
  };
}
