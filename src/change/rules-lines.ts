/** Rules about addresses, routes, rules of routing, and which instances go together. */
import {
  type Case,
  changesAdvert,
  hasAspect,
  isMasterHere,
  isMove,
  isVip,
  newlyTrackedDeadDevice,
  sideOf,
} from './case.ts';
import type { Change, KeywordChange } from './change.ts';
import type { PairInstance } from './context.ts';
import { arpIgnore, lostWithPrimary } from './primary.ts';
import { classes, NO_TRANSITION, type Rule } from './rule.ts';

export const LINE_RULES: readonly Rule[] = [
  {
    id: 'primary-address',
    what: 'removal, or another label, prefix, scope or device, of a primary address while promote_secondaries is 0 and secondaries hang on it',
    classes: classes('outage', 'outage', 'hot'),
    on: 'router',
    reason: 'the kernel deletes the secondary addresses with their primary, and keepalived does not put them back',
    hot: 'what the kernel takes along is put back at once',
    transitions: () => NO_TRANSITION,
    test: (c) =>
      (c.change.subject === 'static' || c.instances.some((i) => isMasterHere(c, i))) &&
      lostWithPrimary(c.router, c.change) !== undefined,
  },
  {
    id: 'tracked-device-down',
    what: 'a VIP, route or rule that names a device which is down, without no_track',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'the device is tracked because the line names it, and it is down: the instance goes to FAULT',
    transitions: (c, instance) => (isMasterHere(c, instance) ? { count: 1, bound: 'exactly' } : NO_TRANSITION),
    test: (c) => newlyTrackedDeadDevice(c) !== undefined,
  },
  {
    id: 'moved-between-instances',
    what: 'a VIP, route or rule that moves between instances',
    classes: classes('staged', 'staged', 'hot'),
    on: 'router',
    reason:
      'in one reload the old instance deletes what the new one has just added: it leaves first, is silent until that is proven, then comes',
    hot: 'a reload takes it from the one and gives it to the other in one step',
    test: isMove,
  },
  {
    id: 'advertised-vips-unchecked',
    what: 'advertised VIPs while skip_check_adv_addr holds on both routers',
    classes: classes('ordered', 'hot', 'hot'),
    on: 'wire',
    reason: 'the first advert after a reload is checked in spite of skip_check_adv_addr: the master goes first',
    hot: 'adverts with other VIPs are taken',
    first: 'master',
    test: (c) => changesAdvert(c) && c.instances.length > 0 && c.instances.every(isUnchecked),
  },
  {
    id: 'advertised-vips',
    what: 'advertised VIPs, a move between virtual_ipaddress and virtual_ipaddress_excluded among them',
    classes: classes('sync', 'hot', 'hot'),
    on: 'wire',
    reason:
      'keepalived up to 2.3.2 drops adverts with other VIPs than its own: both routers change within half a down timer',
    hot: 'adverts with other VIPs are taken',
    test: changesAdvert,
  },
  {
    id: 'excluded-vips',
    what: 'VIPs in virtual_ipaddress_excluded',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'they are not in the advert',
    test: ({ change }) => change.subject === 'vip-excluded' && change.op !== 'change',
  },
  {
    id: 'vip-edited-unheld',
    what: 'label, prefix, scope or device of an IPv6 address, or of one on a device with arp_ignore',
    classes: classes('touch', 'touch', 'touch'),
    on: 'router',
    reason: 'it is deleted and added again within milliseconds, and no local route can answer for it meanwhile',
    test: ({ change, router }) => {
      if (!isEdited(change) || !isVip(change) || !change.before) return false;
      const { address, dev } = change.before.line;
      return address.family === 6 || (dev !== undefined && arpIgnore(router.facts, dev) > 0);
    },
  },
  {
    id: 'vip-edited',
    what: 'label, prefix, scope or device of an address',
    classes: classes('touch', 'touch', 'hot'),
    on: 'router',
    reason: 'keepalived deletes the address and adds it again within milliseconds',
    hot: 'a local route answers for the address while it is deleted and added again',
    test: ({ change }) => isEdited(change) && (isVip(change) || change.keyword === 'static_ipaddress'),
  },
  {
    id: 'vip-edit-ignored',
    what: 'broadcast, peer, flags or lifetime of an address',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'a running keepalived leaves the address as it is until it is added the next time',
    test: ({ change }) => change.op === 'change' && (isVip(change) || change.keyword === 'static_ipaddress'),
  },
  {
    id: 'route-or-rule-edited',
    what: 'a route by another way, or a rule with other words',
    classes: classes('touch', 'touch', 'hot'),
    on: 'router',
    reason: 'keepalived deletes the old one and adds the new one in the same reload',
    hot: 'the new one is there before the old one goes',
    test: ({ change }) => change.op === 'change' && ROUTING.has(change.subject),
  },
  {
    id: 'routes-and-rules',
    what: 'virtual_routes, virtual_rules, static addresses, routes and rules',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'they are changed in place and are not in the advert',
    test: ({ change }) => ROUTING.has(change.subject),
  },
  {
    id: 'sync-group-new-member',
    what: 'a new instance that joins a sync group which runs',
    classes: classes('staged', 'staged', 'hot'),
    on: 'router',
    reason: 'a new instance starts as BACKUP and pulls its group down: it starts outside the group and joins as MASTER',
    hot: 'a new instance waits for its group and does not pull it down',
    test: (c) => membersBy(c, 'new').length > 0 && membersBy(c, 'running').length > 0,
  },
  {
    id: 'sync-group-apart',
    what: 'an instance that joins a sync group whose MASTER is the other router',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'a sync group has one MASTER: its instances are MASTER on different routers now',
    test: (c) => isJoin(c) && new Set(membersBy(c, 'running').map((i) => i.master)).size > 1,
  },
  {
    id: 'sync-group',
    what: 'running instances that join or leave a sync group with the same MASTER, a new group of new instances',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'all its instances are MASTER on the same router, so none has to change',
    test: ({ change }) => isMembership(change),
  },
];

const ROUTING = new Set(['route', 'rule', 'static']);

/** Fields whose change makes keepalived delete an address and add it again. */
const isEdited = (change: Change): boolean =>
  change.op === 'change' && hasAspect(change, 'dev', 'label', 'prefix', 'scope');

const isUnchecked = (instance: PairInstance): boolean =>
  instance.sides.every((side) => side?.before?.effective.skipsAddressCheck === true);

const isMembership = (change: Change): change is KeywordChange =>
  change.subject === 'sync_group' && (change.keyword === 'group' || change.keyword === 'vrrp_sync_group');

const isJoin = ({ change }: Case): boolean => isMembership(change) && change.op === 'add';

/** The group's instances after the change: those that run here already, or those that are new. */
function membersBy(c: Case, which: 'running' | 'new'): PairInstance[] {
  if (!isJoin(c)) return [];
  const { group: name } = c.change as KeywordChange;
  const members = c.router.after.vrrp_sync_group.find((group) => group.name === name)?.group ?? [];
  return c.instances.filter((instance) => {
    const side = sideOf(c, instance);
    if (!side?.after || !members.includes(side.after.instance.name)) return false;
    return (side.before === undefined) === (which === 'new');
  });
}
