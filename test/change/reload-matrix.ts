/** The rows of the reload matrix that a deployer can carry out, and what impact shall say of each. */
import { ms } from '../../src/base/units.ts';
import type { ImpactClass } from '../../src/change/impact-model.ts';
import type { Config, Instance } from '../../src/keepalived/model.ts';
import { config, instance, ip, route, vip, withInstances } from './build.ts';
import { type FactParts, file, type Pair, PRIORITY, type RouterName } from './pair.ts';

export interface Row {
  readonly name: string;
  readonly pair: Pair;
  /** With 2.2.7, 2.4.3, tandemd. */
  readonly classes: readonly [ImpactClass, ImpactClass, ImpactClass];
  /** What a plan of real routers, or apply, says where it does not carry the row out. */
  readonly notCarriedOut?: NotCarriedOut;
  /** With 2.2.7. */
  readonly order: string;
  /** With 2.2.7: `0`, `1`, `<=2`. */
  readonly transitions: string;
  readonly rule: string;
}

/** Why apply does not carry a row out on real routers, and what 2.2.7 would do with it. */
interface NotCarriedOut {
  readonly ends: 'refused' | 'rolled-back';
  readonly says: RegExp;
  readonly harm: string;
}

type Parts = Partial<Instance> | ((router: RouterName) => Partial<Instance>);

const parts = (p: Parts, router: RouterName): Partial<Instance> => (typeof p === 'function' ? p(router) : p);

/** The same edit of VI_0 on both routers. */
const edit = (before: Parts, after: Parts, facts: (router: RouterName) => FactParts = () => ({})): Pair => ({
  before: (router) => file(router, parts(before, router)),
  after: (router) => file(router, { ...parts(before, router), ...parts(after, router) }),
  facts,
});

const files = (
  before: (r: RouterName) => Config,
  after: (r: RouterName) => Config,
  more: Partial<Pair> = {},
): Pair => ({
  before,
  after,
  ...more,
});

const [first, second] = [vip('192.168.1.1/24'), vip('192.168.1.2/24')];
const third = vip('192.168.1.3/24');
/** A leg without a base address: the first VIP is primary. */
const bare = (router: RouterName): FactParts => {
  const at = { dev: 'p3p1', scope: 'global' } as const;
  const held = [
    { ...at, address: first.address, secondary: false },
    { ...at, address: second.address, secondary: true },
  ];
  return { addresses: router === 'A' ? held : [] };
};
const promoting = (router: RouterName): FactParts => ({
  ...bare(router),
  sysctls: { 'net.ipv4.conf.p3p1.promote_secondaries': '1' },
});
const v3 = { version: 3 } as const;
const fast = { ...v3, advert_int: ms(100) };
const many = (count: number, timers: Partial<Instance>): Pair => {
  const excluded = Array.from({ length: count }, (_, i) => vip(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`));
  const routes = Array.from({ length: count }, (_, i) =>
    route(`172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32 via 10.1.1.9 dev p3p2`),
  );
  return edit(
    { ...timers, virtual_ipaddress_excluded: excluded, virtual_routes: routes },
    {
      virtual_ipaddress_excluded: [...excluded, vip('11.0.0.1/32')],
      virtual_routes: [...routes, route('11.1.0.0/16 via 10.1.1.9 dev p3p2')],
    },
  );
};
const lan = (router: RouterName): Instance =>
  instance({
    name: 'VI_lan',
    virtual_router_id: 61,
    priority: PRIORITY[router],
    virtual_ipaddress: [vip('10.1.1.1/24 dev p3p2')],
  });
const wan = (router: RouterName): Instance =>
  instance({
    name: 'VI_wan',
    virtual_router_id: 62,
    priority: PRIORITY[router],
    virtual_ipaddress: [vip('91.59.24.140/24 dev p1p2')],
  });
const main = (router: RouterName): Instance => instance({ priority: PRIORITY[router] });
const chk = { name: 'chk', script: { argv: ['/etc/keepalived/chk'] } };

const LOST: NotCarriedOut = {
  ends: 'refused',
  says: /promote_secondaries 0/,
  harm: 'the other VIPs of the subnet are gone from both routers, for good',
};

export const ROWS: readonly Row[] = [
  {
    name: 'an advertised VIP is added (v2)',
    pair: edit({}, { virtual_ipaddress: [first, second, third] }),
    classes: ['sync', 'hot', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'advertised-vips',
  },
  {
    name: 'an advertised VIP is added (v3)',
    pair: edit(v3, { virtual_ipaddress: [first, second, third] }),
    classes: ['sync', 'hot', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'advertised-vips',
  },
  {
    name: 'the same with vrrp_skip_check_adv_addr: A then B',
    pair: edit({ skip_check_adv_addr: true }, { virtual_ipaddress: [first, second, third] }),
    classes: ['ordered', 'hot', 'hot'],
    order: 'A -> B',
    transitions: '0',
    rule: 'advertised-vips-unchecked',
  },
  {
    name: 'the option comes in the same reload as the VIP: it does not help yet',
    pair: edit({}, { skip_check_adv_addr: true, virtual_ipaddress: [first, second, third] }),
    classes: ['sync', 'hot', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'advertised-vips',
  },
  {
    name: 'a VIP in virtual_ipaddress_excluded',
    pair: edit({}, { virtual_ipaddress_excluded: [third] }),
    classes: ['hot', 'hot', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'excluded-vips',
  },
  ...(
    [
      [
        'a route with its table',
        {},
        { virtual_routes: [route('10.0.0.0/8 via 10.1.1.9 dev p3p2 table 20')] },
        'routes-and-rules',
      ],
      ['notify', {}, { notify_master: { argv: ['/etc/keepalived/n'] } }, 'settings'],
      ['garp', {}, { garp_master_delay: ms(1000) }, 'settings'],
      ['track_interface (up)', {}, { track_interface: [{ name: 'p3p1' }] }, 'tracker-passes'],
      ['dont_track_primary', {}, { dont_track_primary: true }, 'settings'],
      ['an instance renamed', {}, { name: 'VI_new' }, 'name'],
      ['nopreempt added', {}, { nopreempt: true }, 'role-stays'],
      ['advert_int v3 raised', { ...v3, advert_int: ms(1000) }, { advert_int: ms(2000) }, 'advert-int-raised'],
      ['mcast_src_ip added', {}, { mcast_src_ip: ip('10.255.0.1') }, 'settings'],
      [
        'auth_pass in version 3, which has none',
        v3,
        { authentication: { auth_type: 'PASS', auth_pass: 'x' } },
        'same-effect',
      ],
    ] as const
  ).map(
    ([name, before, after, rule]): Row => ({
      name,
      pair: edit(before, after),
      classes: rule === 'same-effect' ? ['none', 'none', 'none'] : ['hot', 'hot', 'hot'],
      order: rule === 'same-effect' ? 'none' : 'B -> A',
      transitions: '0',
      rule,
      // keepalived -t refuses what it would ignore.
      ...(rule === 'same-effect' && {
        notCarriedOut: {
          ends: 'refused',
          says: /does not support authentication|has no authentication/,
          harm: 'it is ignored',
        },
      }),
    }),
  ),
  {
    name: 'a passing track_script',
    pair: files(
      (r) => config({ vrrp_script: [chk], vrrp_instance: [main(r)] }),
      (r) => config({ vrrp_script: [chk], vrrp_instance: [{ ...main(r), track_script: [{ name: 'chk' }] }] }),
      { facts: () => ({ trackers: { chk: 'up' } }) },
    ),
    classes: ['hot', 'hot', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'tracker-passes',
  },
  {
    name: 'a failing track_script on A',
    pair: files(
      (r) => config({ vrrp_script: [chk], vrrp_instance: [main(r)] }),
      (r) => config({ vrrp_script: [chk], vrrp_instance: [{ ...main(r), track_script: [{ name: 'chk' }] }] }),
      { facts: (r) => ({ trackers: { chk: r === 'A' ? 'down' : 'up' } }) },
    ),
    notCarriedOut: {
      ends: 'rolled-back',
      says: /is FAULT, not ready to take over/,
      harm: 'A goes to FAULT: a failover, and nobody is left to take over from B',
    },
    classes: ['failover', 'failover', 'failover'],
    order: 'B -> A',
    transitions: '1',
    rule: 'tracker-fails',
  },
  {
    name: 'auth_pass (v2)',
    pair: edit(
      { authentication: { auth_type: 'PASS', auth_pass: 'one' } },
      { authentication: { auth_type: 'PASS', auth_pass: 'two' } },
    ),
    classes: ['sync', 'sync', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'authentication',
  },
  {
    name: 'advert_int v2: the shorter timer of before and after is the budget',
    pair: edit({}, { advert_int: ms(2000) }),
    classes: ['sync', 'sync', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'advert-int-v2',
  },
  {
    name: 'advert_int v3 lowered (1 s to 0.1 s): master first',
    pair: edit(v3, { advert_int: ms(100) }),
    classes: ['ordered', 'ordered', 'hot'],
    order: 'A -> B',
    transitions: '0',
    rule: 'advert-int-lowered',
  },
  {
    name: 'the advertised first VIP swaps places with an excluded one',
    pair: edit(
      { virtual_ipaddress_excluded: [third] },
      { virtual_ipaddress: [third, second], virtual_ipaddress_excluded: [first] },
    ),
    classes: ['sync', 'hot', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'advertised-vips',
  },
  {
    name: 'nopreempt removed while the backup has the higher priority',
    pair: files(
      (r) => file(r, { nopreempt: true, priority: r === 'A' ? 100 : 150 }),
      (r) => file(r, { priority: r === 'A' ? 100 : 150 }),
    ),
    classes: ['failover', 'failover', 'failover'],
    order: 'B -> A',
    transitions: '1',
    rule: 'role-moves',
  },
  {
    name: 'the backup is raised above the master, with nopreempt',
    pair: edit({ nopreempt: true }, (r) => (r === 'B' ? { priority: 200 } : {})),
    classes: ['hot', 'hot', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'role-stays',
  },
  {
    name: 'the backup is raised above the master',
    pair: edit({}, (r) => (r === 'B' ? { priority: 200 } : {})),
    classes: ['failover', 'failover', 'failover'],
    order: 'B -> A',
    transitions: '1',
    rule: 'role-moves',
  },
  {
    name: 'both are raised and keep their order, but not if the backup goes first',
    pair: edit({}, (r) => ({ priority: r === 'A' ? 220 : 200 })),
    classes: ['ordered', 'ordered', 'ordered'],
    order: 'A -> B',
    transitions: '0',
    rule: 'role-master-first',
  },
  {
    name: 'both are lowered and keep their order, but not if the master goes first',
    pair: edit({}, (r) => ({ priority: r === 'A' ? 90 : 50 })),
    classes: ['ordered', 'ordered', 'ordered'],
    order: 'B -> A',
    transitions: '0',
    rule: 'role-backup-first',
  },
  {
    name: 'the first VIP of a subnet removed, no base address, promote_secondaries 0',
    pair: edit({}, { virtual_ipaddress: [second] }, bare),
    notCarriedOut: LOST,
    classes: ['outage', 'outage', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'primary-address',
  },
  {
    name: 'the label of that first VIP changed',
    pair: edit({}, { virtual_ipaddress: [vip('192.168.1.1/24 label p3p1:1'), second] }, bare),
    notCarriedOut: LOST,
    classes: ['outage', 'outage', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'primary-address',
  },
  {
    name: 'the prefix of that first VIP changed',
    pair: edit({}, { virtual_ipaddress: [vip('192.168.1.1/25'), second] }, bare),
    notCarriedOut: LOST,
    classes: ['outage', 'outage', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'primary-address',
  },
  {
    name: 'that first VIP moves to virtual_ipaddress_excluded: the address is not touched',
    pair: edit({}, { virtual_ipaddress: [second], virtual_ipaddress_excluded: [first] }, bare),
    classes: ['sync', 'hot', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'advertised-vips',
  },
  {
    name: 'the removal with promote_secondaries = 1',
    pair: edit({}, { virtual_ipaddress: [second] }, promoting),
    classes: ['sync', 'hot', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'advertised-vips',
  },
  {
    name: 'all VIPs of that subnet relabelled at once: each is added again by itself',
    pair: edit(
      {},
      { virtual_ipaddress: [vip('192.168.1.1/24 label p3p1:1'), vip('192.168.1.2/24 label p3p1:2')] },
      bare,
    ),
    classes: ['touch', 'touch', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'vip-edited',
  },
  {
    name: 'version 2 to 3',
    pair: edit({}, v3),
    classes: ['sync', 'sync', 'hot'],
    order: 'B + A within 1687 ms',
    transitions: '0',
    rule: 'version',
  },
  {
    name: 'label of a VIP changed, on a leg with a base address',
    pair: edit({}, { virtual_ipaddress: [vip('192.168.1.1/24 label p3p1:1'), second] }),
    classes: ['touch', 'touch', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'vip-edited',
  },
  {
    name: 'prefix of a VIP changed, on a leg with a base address',
    pair: edit({}, { virtual_ipaddress: [vip('192.168.1.1/25'), second] }),
    classes: ['touch', 'touch', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'vip-edited',
  },
  {
    name: 'a new member in a sync group',
    pair: files(
      (r) => config({ vrrp_instance: [main(r), wan(r)], vrrp_sync_group: [{ name: 'G', group: ['VI_0', 'VI_wan'] }] }),
      (r) =>
        config({
          vrrp_instance: [main(r), wan(r), lan(r)],
          vrrp_sync_group: [{ name: 'G', group: ['VI_0', 'VI_wan', 'VI_lan'] }],
        }),
      { facts: (r) => ({ roles: { VI_0: r === 'A' ? 'MASTER' : 'BACKUP', VI_wan: r === 'A' ? 'MASTER' : 'BACKUP' } }) },
    ),
    classes: ['staged', 'staged', 'ordered'],
    order: '[A -> B] [B -> A]',
    transitions: '1',
    rule: 'sync-group-new-member',
  },
  {
    name: 'a VIP moves between instances',
    pair: files(
      (r) => withInstances(main(r), lan(r)),
      (r) =>
        withInstances(
          { ...main(r), virtual_ipaddress: [first] },
          { ...lan(r), virtual_ipaddress: [...lan(r).virtual_ipaddress!, second] },
        ),
      { facts: (r) => ({ roles: { VI_0: r === 'A' ? 'MASTER' : 'BACKUP', VI_lan: r === 'A' ? 'MASTER' : 'BACKUP' } }) },
    ),
    classes: ['staged', 'staged', 'hot'],
    order: '[B + A within 1687 ms] [B + A within 1687 ms]',
    transitions: '0',
    rule: 'moved-between-instances',
  },
  {
    name: 'the VRID changes',
    pair: edit({}, { virtual_router_id: 51 }),
    classes: ['outage', 'outage', 'outage'],
    order: 'B + A within 1687 ms',
    transitions: '<=2',
    rule: 'identity',
  },
  {
    name: 'multicast to unicast',
    pair: edit({}, (r) => ({
      unicast_src_ip: ip(r === 'A' ? '10.255.0.1' : '10.255.0.2'),
      unicast_peer: [ip(r === 'A' ? '10.255.0.2' : '10.255.0.1')],
    })),
    classes: ['outage', 'outage', 'outage'],
    order: 'B + A within 1687 ms',
    transitions: '<=2',
    rule: 'identity',
  },
  {
    name: 'use_vmac added',
    pair: edit({}, { use_vmac: {} }),
    classes: ['failover', 'failover', 'failover'],
    order: 'B -> A demoted',
    transitions: '2',
    rule: 'vmac',
  },
  {
    name: 'the daemon on A restarts: away and, with preemption, back',
    pair: { ...edit({}, {}), input: (r) => (r === 'A' ? { restart: 'keepalived 2.2.7 -> 2.2.8' } : {}) },
    classes: ['failover', 'failover', 'failover'],
    order: 'B -> A demoted',
    transitions: '2',
    rule: 'restart',
  },
  {
    name: 'the daemon on A restarts, nopreempt',
    pair: { ...edit({ nopreempt: true }, {}), input: (r) => (r === 'A' ? { restart: 'upgrade' } : {}) },
    classes: ['failover', 'failover', 'failover'],
    order: 'B -> A demoted',
    transitions: '1',
    rule: 'restart',
  },
  ...[20, 5000, 10_000].map(
    (count): Row => ({
      name: `v2 1 s, one excluded VIP and one route more at ${count} of each`,
      pair: many(count, {}),
      classes: ['hot', 'hot', 'hot'],
      order: 'B -> A',
      transitions: '0',
      rule: 'excluded-vips',
    }),
  ),
  {
    name: 'v3 0.1 s, one excluded VIP and one route more at 20 of each',
    pair: many(20, fast),
    classes: ['hot', 'hot', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'excluded-vips',
  },
  {
    name: 'v3 0.1 s, one excluded VIP and one route more at 1,000 of each',
    pair: many(1000, fast),
    classes: ['hot', 'hot', 'hot'],
    order: 'B -> A',
    transitions: '0',
    rule: 'excluded-vips',
  },
  {
    name: 'the same at 10,000 of each: the reload outlasts the timer',
    pair: many(10_000, fast),
    classes: ['failover', 'failover', 'hot'],
    order: 'B -> A demoted',
    transitions: '<=2',
    rule: 'reload-outlasts-timer',
  },
  {
    name: 'a raw line',
    pair: edit({}, { other: [{ keyword: 'debug', args: ['4'] }] }),
    classes: ['failover', 'failover', 'failover'],
    order: 'B -> A demoted',
    transitions: '<=2',
    rule: 'unknown',
  },
];
