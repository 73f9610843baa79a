/** What stops being served, and when that is so much that it has to be allowed. */
import type { Instance, RouteLine } from '../keepalived/model.ts';
import type { Change, Withdrawal } from './change.ts';
import type { PairContext, RouterContext } from './context.ts';
import type { PairInput, Withdrawals } from './impact-model.ts';
import { compareText } from './lines.ts';

/** More than this of a router's VIPs or routes at once is a withdrawal that somebody has to have meant. */
const COUNT_MAX = 3;
const SHARE_MAX = 0.2;

export function withdrawalsOf(input: PairInput, pair: PairContext): Withdrawals {
  const each = pair.routers.map((router) => {
    const changes = router.running
      ? router.changes.filter((change) => change.withdraws && !isMoved(input, change))
      : [];
    const count = (kind: keyof Withdrawal): string[] => changes.flatMap((change) => change.withdraws![kind]);
    const vips = count('vips');
    const routes = count('routes');
    return { vips, routes, rules: count('rules'), instances: count('instances'), reasons: reasonsOf(router, changes) };
  });
  const both = (kind: keyof (typeof each)[number]): string[] =>
    [...new Set(each.flatMap((router) => router[kind]))].sort(compareText);
  return {
    vips: both('vips'),
    routes: both('routes'),
    rules: both('rules'),
    instances: both('instances'),
    reasons: both('reasons'),
  };
}

/** An address that another pair takes over is not withdrawn: it moves, and is proven there. */
const isMoved = ({ moved }: PairInput, change: Change): boolean =>
  (change.subject === 'vip' || change.subject === 'vip-excluded') &&
  change.op === 'remove' &&
  moved?.has(change.before!.line.address.text) === true;

function reasonsOf(router: RouterContext, changes: readonly Change[]): string[] {
  const { before } = router;
  const vips = changes.flatMap((change) => change.withdraws!.vips);
  const routes = changes.flatMap((change) => change.withdraws!.routes);
  const addresses = before.vrrp_instance.flatMap(vipsOf).length + before.static_ipaddress.length;
  const ways = before.vrrp_instance.flatMap((i) => i.virtual_routes ?? []).length + before.static_routes.length;
  return [
    ...changes.flatMap((change) => change.withdraws!.instances.map((name) => `instance ${name} is removed`)),
    ...changes.filter(isDefaultRoute).map((change) => `${change.text} is a default route`),
    ...emptied(router).map((name) => `${name} loses its last VIP`),
    ...tooMany(router.name, 'VIPs', vips.length, addresses),
    ...tooMany(router.name, 'routes', routes.length, ways),
  ];
}

const vipsOf = (instance: Instance): readonly unknown[] => [
  ...(instance.virtual_ipaddress ?? []),
  ...(instance.virtual_ipaddress_excluded ?? []),
];

function isDefaultRoute(change: Change): boolean {
  if (change.subject === 'route') return isDefault(change.before!.line);
  return change.keyword === 'static_routes' && change.subject === 'static' && isDefault(change.before as RouteLine);
}

const isDefault = (line: RouteLine): boolean => 'default' in line.to;

/** Instances that stay but have no VIP any more. */
function emptied({ before, after }: RouterContext): string[] {
  return after.vrrp_instance
    .filter((instance) => {
      const old = before.vrrp_instance.find((i) => i.name === instance.name);
      return vipsOf(instance).length === 0 && old !== undefined && vipsOf(old).length > 0;
    })
    .map((instance) => instance.name);
}

function tooMany(router: string, what: string, count: number, all: number): string[] {
  if (count > COUNT_MAX) return [`${count} ${what} of ${router} at once, more than ${COUNT_MAX}`];
  if (count > all * SHARE_MAX) return [`${count} of ${all} ${what} of ${router}, more than ${SHARE_MAX * 100} %`];
  return [];
}
