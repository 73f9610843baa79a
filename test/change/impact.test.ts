/** Impact beyond the reload matrix: load-shared and mixed pairs, bring-up, engines, what a rule needs to know. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import type { Impact, ImpactClass } from '../../src/change/impact-model.ts';
import type { LiveState } from '../../src/change/observed.ts';
import { ROLLOUT_RULES } from '../../src/change/rollout-findings.ts';
import { RULES } from '../../src/change/rules.ts';
import { EMPTY } from '../../src/keepalived/empty.ts';
import type { Instance } from '../../src/keepalived/model.ts';
import { config, instance, ip, route, vip, withInstances } from './build.ts';
import { both, bothMaster, facts, file, impactOf, type Pair, type RouterName, secret, thirdPeer, two } from './pair.ts';
import { ROWS } from './reload-matrix.ts';

const [first, second] = [vip('192.168.1.1/24'), vip('192.168.1.2/24')];
const third = vip('192.168.1.3/24');
const rulesOf = (found: Impact): string[] => [...new Set(found.findings.map((f) => f.rule))].sort();
const add = { virtual_ipaddress: [first, second, third] };

/** A is MASTER of VI_0, B of VI_1. */
const shared = (r: RouterName, parts: Partial<Instance> = {}) => {
  const [high, low] = r === 'A' ? [150, 100] : [100, 150];
  const own = { version: 3, ...parts } as const;
  return withInstances(
    instance({ ...own, priority: high }),
    instance({
      ...own,
      name: 'VI_1',
      virtual_router_id: 51,
      priority: low,
      virtual_ipaddress: [vip('10.1.1.1/24 dev p3p2')],
    }),
  );
};
const sharedRoles = (r: RouterName): { roles: Record<string, LiveState> } => ({
  roles: r === 'A' ? { VI_0: 'MASTER', VI_1: 'BACKUP' } : { VI_0: 'BACKUP', VI_1: 'MASTER' },
});

interface Row {
  readonly name: string;
  readonly rule: string;
  readonly class: ImpactClass;
  readonly transitions: number;
  readonly pair: Pair;
}

const chk = { name: 'chk', script: { argv: ['/bin/true'] } };
const tracking = (r: RouterName, weight?: number) =>
  config({
    vrrp_script: [chk],
    vrrp_instance: [
      { ...file(r).vrrp_instance[0]!, track_script: [{ name: 'chk', ...(weight !== undefined && { weight }) }] },
    ],
  });
const scripts = (r: RouterName) => config({ vrrp_script: [chk], vrrp_instance: file(r).vrrp_instance });
const dark = (name: string) => facts('A').interfaces.map((i) => (i.name === name ? { ...i, carrier: false } : i));
const grouped = (r: RouterName) => ({ ...two(r), vrrp_sync_group: [{ name: 'G', group: ['VI_0', 'VI_1'] }] });

const MORE: readonly Row[] = [
  {
    name: 'a weighted tracker that turns the order',
    rule: 'role-moves',
    class: 'failover',
    transitions: 1,
    pair: {
      before: scripts,
      after: (r) => tracking(r, -60),
      facts: (r) => ({ trackers: { chk: r === 'A' ? 'down' : 'up' } }),
    },
  },
  {
    name: 'a weighted tracker that never turns the order, as it fails on both',
    rule: 'role-stays',
    class: 'hot',
    transitions: 0,
    pair: { before: scripts, after: (r) => tracking(r, -20), facts: () => ({ trackers: { chk: 'down' } }) },
  },
  {
    name: 'a tracked script whose state nobody knows',
    rule: 'tracker-unknown',
    class: 'failover',
    transitions: 1,
    pair: { before: scripts, after: tracking },
  },
  {
    name: 'a script that is removed where it has sent the instance to FAULT',
    rule: 'tracker-removed-in-fault',
    class: 'failover',
    transitions: 1,
    pair: { before: tracking, after: scripts, facts: (r) => ({ roles: { VI_0: r === 'A' ? 'MASTER' : 'FAULT' } }) },
  },
  {
    name: 'how often a script is asked',
    rule: 'definition',
    class: 'hot',
    transitions: 0,
    pair: { before: tracking, after: (r) => ({ ...tracking(r), vrrp_script: [{ ...chk, interval: ms(5000) }] }) },
  },
  {
    name: 'a route that names a dark device lets it be tracked',
    rule: 'tracked-device-down',
    class: 'failover',
    transitions: 1,
    pair: {
      ...both({}, { virtual_routes: [route('10.0.0.0/8 dev p1p1')] }),
      facts: () => ({ interfaces: dark('p1p1') }),
    },
  },
  {
    name: 'dont_track_primary goes while the cable is dark',
    rule: 'interface-down-untracked',
    class: 'failover',
    transitions: 1,
    pair: {
      ...both({ dont_track_primary: true }, {}),
      after: (r) => file(r),
      facts: () => ({ interfaces: dark('p4p1') }),
    },
  },
  {
    name: 'a route by another way',
    rule: 'route-or-rule-edited',
    class: 'touch',
    transitions: 0,
    pair: both(
      { virtual_routes: [route('10.0.0.0/8 via 1.1.1.1')] },
      { virtual_routes: [route('10.0.0.0/8 via 1.1.1.2')] },
    ),
  },
  {
    name: 'the broadcast address of a VIP',
    rule: 'vip-edit-ignored',
    class: 'hot',
    transitions: 0,
    pair: both({}, { virtual_ipaddress: [{ ...first, broadcast: ip('192.168.1.127') }, second] }),
  },
  {
    name: 'advertised VIPs on one router only',
    rule: 'pair-disagrees-vips',
    class: 'outage',
    transitions: 2,
    pair: { before: (r) => file(r), after: (r) => file(r, r === 'A' ? add : {}) },
  },
  {
    name: 'a password on one router only',
    rule: 'pair-disagrees',
    class: 'outage',
    transitions: 2,
    pair: {
      before: (r) => file(r),
      after: (r) => file(r, r === 'A' ? { authentication: { auth_type: 'PASS', auth_pass: 'x' } } : {}),
    },
  },
  {
    name: 'another unicast peer',
    rule: 'unicast-peers',
    class: 'failover',
    transitions: 1,
    pair: both(
      { unicast_src_ip: ip('10.255.0.1'), unicast_peer: [ip('10.255.0.2')] },
      { unicast_peer: [ip('10.255.0.2'), ip('10.255.0.3')] },
    ),
  },
  {
    name: 'another password on tandemd, without a grace',
    rule: 'former-speech-too-short',
    class: 'sync',
    transitions: 0,
    pair: { ...secret(0), facts: () => ({ engine: 'tandemd', version: '1.0.0' }) },
  },
  {
    name: 'a third unicast peer, beside the other router',
    rule: 'unicast-peers-kept',
    class: 'failover',
    transitions: 1,
    pair: thirdPeer,
  },
  {
    name: 'a new instance on both: the higher one starts it first',
    rule: 'instance-added',
    class: 'ordered',
    transitions: 1,
    pair: { before: (r) => file(r), after: two },
  },
  {
    name: 'an instance that only the peer runs joins below it',
    rule: 'instance-joins',
    class: 'hot',
    transitions: 0,
    pair: { before: (r) => (r === 'A' ? two(r) : file(r)), after: two, facts: bothMaster },
  },
  {
    name: 'an instance that only the peer runs joins above it',
    rule: 'instance-joins-above',
    class: 'failover',
    transitions: 1,
    pair: { before: (r) => (r === 'B' ? two(r) : file(r)), after: two },
  },
  {
    name: 'an instance goes on both: the backup first',
    rule: 'instance-removed',
    class: 'ordered',
    transitions: 0,
    pair: { before: two, after: (r) => file(r), facts: bothMaster },
  },
  {
    name: 'an instance goes on its MASTER only',
    rule: 'instance-removed-here',
    class: 'failover',
    transitions: 1,
    pair: { before: two, after: (r) => (r === 'A' ? file(r) : two(r)), facts: bothMaster },
  },
  {
    name: 'two running instances with one MASTER form a sync group',
    rule: 'sync-group',
    class: 'hot',
    transitions: 0,
    pair: { before: two, after: grouped, facts: bothMaster },
  },
  {
    name: 'two running instances with two MASTERs form a sync group',
    rule: 'sync-group-apart',
    class: 'failover',
    transitions: 1,
    pair: { before: two, after: grouped, facts: sharedRoles },
  },
  {
    name: 'priorities and preemption that would move the role in either order',
    rule: 'role-together',
    class: 'sync',
    transitions: 0,
    // B outranks A and waits for its preempt_delay.
    pair: {
      before: (r) => file(r, { preempt_delay: ms(60_000), priority: r === 'A' ? 100 : 150 }),
      after: (r) => file(r, { preempt_delay: ms(60_000), priority: r === 'A' ? 140 : 120 }),
    },
  },
  {
    name: 'the contents of a managed script',
    rule: 'managed-file',
    class: 'none',
    transitions: 0,
    pair: {
      ...both({}, {}),
      input: () => ({
        files: [{ op: 'change', subject: 'file', keyword: 'file', name: '/etc/keepalived/n', text: 'file n' }],
      }),
    },
  },
  {
    name: 'the daemon of the backup restarts',
    rule: 'restart-of-backup',
    class: 'hot',
    transitions: 0,
    pair: { ...both({}, {}), input: (r) => (r === 'B' ? { restart: 'upgrade' } : {}) },
  },
  {
    name: 'another engine',
    rule: 'engine',
    class: 'failover',
    transitions: 2,
    pair: { ...both({}, {}), input: () => ({ engine: 'tandemd' }) },
  },
  {
    name: 'another engine on the backup',
    rule: 'engine-on-backup',
    class: 'hot',
    transitions: 0,
    pair: { ...both({}, {}), input: (r) => (r === 'B' ? { engine: 'tandemd' } : {}) },
  },
  {
    name: 'bring-up of both',
    rule: 'bring-up',
    class: 'hot',
    transitions: 1,
    pair: { before: () => EMPTY, after: (r) => file(r), facts: () => ({ daemon: { kind: 'absent' }, roles: {} }) },
  },
  {
    name: 'bring-up of the one that outranks the other',
    rule: 'bring-up-above',
    class: 'failover',
    transitions: 1,
    pair: {
      before: (r) => (r === 'A' ? EMPTY : file(r)),
      after: (r) => file(r),
      facts: (r) => (r === 'A' ? { daemon: { kind: 'absent' }, roles: {} } : { roles: { VI_0: 'MASTER' } }),
    },
  },
  {
    name: 'tandemd, the label of a VIP where arp_ignore keeps a local route from answering',
    rule: 'vip-edited-unheld',
    class: 'touch',
    transitions: 0,
    pair: {
      ...both({}, { virtual_ipaddress: [vip('192.168.1.1/24 label p3p1:1'), second] }),
      facts: () => ({ engine: 'tandemd', sysctls: { 'net.ipv4.conf.p3p1.arp_ignore': '1' } }),
    },
  },
];

describe('what a rule needs to know', () => {
  for (const row of MORE) {
    test(`${row.name}: ${row.class}, ${row.transitions}`, () => {
      const found = impactOf(row.pair);
      assert.ok(rulesOf(found).includes(row.rule), `${row.rule} is among ${rulesOf(found)}`);
      assert.equal(found.class, row.class);
      assert.equal(Math.max(...[...found.transitions.values()].map((t) => t.count)), row.transitions);
    });
  }

  test('every row of the table of rules is held by a test', () => {
    const held = new Set([...ROWS, ...MORE].map((row) => row.rule));
    const bare = [...RULES, ...ROLLOUT_RULES].map((rule) => rule.id).filter((id) => !held.has(id));
    assert.deepEqual(bare, []);
  });
});

describe('the order', () => {
  test('F28: the router that is backup of more instances by live role goes first, whatever the priorities say', () => {
    const found = impactOf({
      ...both({}, { garp_master_delay: ms(1000) }),
      facts: (r) => ({ roles: { VI_0: r === 'A' ? 'BACKUP' : 'MASTER' } }),
    });
    assert.deepEqual(found.order.kind === 'one-by-one' && found.order.routers, ['A', 'B']);
  });

  test('F28: in a load-shared pair names break the tie', () => {
    const found = impactOf({
      before: shared,
      after: (r) => shared(r, { garp_master_delay: ms(1000) }),
      facts: sharedRoles,
    });
    assert.deepEqual(found.order.kind === 'one-by-one' && found.order.routers, ['A', 'B']);
  });

  test('a load-shared pair whose instances want different routers first goes in two stages', () => {
    const found = impactOf({ before: shared, after: (r) => shared(r, { advert_int: ms(100) }), facts: sharedRoles });
    assert.equal(found.class, 'staged' satisfies ImpactClass);
    assert.ok(found.order.kind === 'staged');
    const [one, rest] = found.order.stages;
    assert.deepEqual(one!.order.kind === 'one-by-one' && one!.order.routers, ['A', 'B']);
    assert.deepEqual(rest!.order.kind === 'one-by-one' && rest!.order.routers, ['B', 'A']);
    const intervals = one!.configs.get('A')!.vrrp_instance.map((i) => [i.name, i.advert_int]);
    assert.deepEqual(Object.fromEntries(intervals), { VI_0: 100, VI_1: 1000 });
    assert.deepEqual(rest!.configs.get('A'), shared('A', { advert_int: ms(100) }));
  });

  test('a new member of a sync group starts outside it', () => {
    const row = ROWS.find((r) => r.rule === 'sync-group-new-member')!;
    const found = impactOf(row.pair);
    assert.ok(found.order.kind === 'staged');
    assert.deepEqual(
      found.order.stages.map((s) => s.configs.get('A')!.vrrp_sync_group[0]!.group),
      [
        ['VI_0', 'VI_wan'],
        ['VI_0', 'VI_wan', 'VI_lan'],
      ],
    );
    assert.deepEqual([found.transitions.get('VI_0')?.count, found.transitions.get('VI_lan')?.count], [0, 1]);
  });

  test('a changed text without a change of meaning signals nobody', () => {
    const found = impactOf(both({}, {}));
    assert.deepEqual([found.class, found.order.kind, found.findings], ['none', 'none', []]);
  });

  test("the clocks' uncertainty leaves nothing of a short down timer: the budget is 0, never less", () => {
    const fast = { version: 3, advert_int: ms(100) } as const;
    const found = impactOf({ ...both(fast, add), facts: () => ({ clock: { offset: ms(0), uncertainty: ms(200) } }) });
    assert.ok(found.order.kind === 'together');
    assert.equal(found.order.budget, 0);
  });
});

test('the outage of a primary address names what is lost, and offers promote_secondaries', () => {
  const row = ROWS.find((r) => r.name.startsWith('the first VIP of a subnet removed'))!;
  const finding = impactOf(row.pair).findings.find((f) => f.rule === 'primary-address')!;
  assert.deepEqual(finding.hint, { kind: 'promote-secondaries', router: 'A', dev: 'p3p1' });
  assert.match(finding.reason, /192\.168\.1\.2\/24/);
});
