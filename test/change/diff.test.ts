import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { diff } from '../../src/change/diff.ts';
import type { Config, Instance } from '../../src/keepalived/model.ts';
import { config, instance, ip, route, vip, withInstances } from './build.ts';

/** The list as the plan prints it. */
const printed = (before: Config, after: Config): string[] =>
  diff(before, after).map((c) => `${{ add: '+', remove: '-', change: '~' }[c.op]} ${c.text}`);

interface Row {
  readonly name: string;
  readonly before?: Partial<Instance>;
  readonly after: Partial<Instance>;
  readonly expect: readonly string[];
}

const ROWS: readonly Row[] = [
  { name: 'the same file has no changes', after: {}, expect: [] },
  {
    name: 'the order of VIPs and routes alone is no change',
    before: { virtual_routes: [route('10.0.0.0/8 via 1.1.1.1'), route('11.0.0.0/8 via 1.1.1.1')] },
    after: {
      virtual_ipaddress: [vip('192.168.1.2/24'), vip('192.168.1.1/24')],
      virtual_routes: [route('11.0.0.0/8 via 1.1.1.1'), route('10.0.0.0/8 via 1.1.1.1')],
    },
    expect: [],
  },
  {
    name: 'a new VIP is told in the words of the file',
    after: { virtual_ipaddress: [...instance().virtual_ipaddress!, vip('192.168.1.3/24 label p3p1:102')] },
    expect: ['+ vip 192.168.1.3/24 dev p3p1 label p3p1:102'],
  },
  {
    name: 'a VIP without dev stands on the interface: saying so changes nothing',
    before: { virtual_ipaddress: [{ address: vip('10.0.0.1/24').address }] },
    after: { virtual_ipaddress: [{ address: vip('10.0.0.1/24').address, dev: 'p4p1' }] },
    expect: [],
  },
  {
    name: 'an edited line is one change: label, prefix, device',
    after: { virtual_ipaddress: [vip('192.168.1.1/25 label p3p1:9'), vip('192.168.1.2/24 dev p3p2')] },
    expect: [
      '~ vip 192.168.1.1/25 dev p3p1 label p3p1:9 (was 192.168.1.1/24 dev p3p1)',
      '~ vip 192.168.1.2/24 dev p3p2 (was 192.168.1.2/24 dev p3p1)',
    ],
  },
  {
    name: 'a VIP that leaves the advert is one change',
    after: {
      virtual_ipaddress: [vip('192.168.1.1/24')],
      virtual_ipaddress_excluded: [vip('192.168.1.2/24')],
    },
    expect: ['~ vip 192.168.1.2/24 dev p3p1 (was in virtual_ipaddress)'],
  },
  {
    name: 'default and 0.0.0.0/0, and table main and none, are the same route',
    before: { virtual_routes: [route('0.0.0.0/0 via 1.1.1.1 table main')] },
    after: { virtual_routes: [route('default via 1.1.1.1')] },
    expect: [],
  },
  {
    name: 'a route keeps its identity through another gateway',
    before: { virtual_routes: [route('10.0.0.0/8 via 1.1.1.1 table 20')] },
    after: { virtual_routes: [route('10.0.0.0/8 via 1.1.1.2 table 20'), route('10.0.0.0/8 via 1.1.1.1 table 30')] },
    expect: [
      '+ route 10.0.0.0/8 via 1.1.1.1 table 30',
      '~ route 10.0.0.0/8 via 1.1.1.2 table 20 (was 10.0.0.0/8 via 1.1.1.1 table 20)',
    ],
  },
  {
    name: 'a password is never in the text',
    before: { authentication: { auth_type: 'PASS', auth_pass: 'canary-1' } },
    after: { authentication: { auth_type: 'PASS', auth_pass: 'canary-2' } },
    expect: ['~ auth_pass (sensitive, changed)'],
  },
  {
    name: 'times are told in seconds, flags by their names',
    after: { advert_int: ms(100), version: 3, nopreempt: true },
    expect: ['~ advert_int 1 -> 0.1', '+ nopreempt', '+ version 3'],
  },
  {
    name: 'tracked objects are changes of their own',
    before: { track_interface: [{ name: 'p3p1' }, { name: 'p3p2' }] },
    after: { track_interface: [{ name: 'p3p2', weight: -20 }, { name: 'p1p1' }] },
    expect: ['- track_interface p3p1', '+ track_interface p1p1', '~ track_interface p3p2 weight -20 (was p3p2)'],
  },
  { name: 'a rename is found by what a reload goes by', after: { name: 'VI_lan' }, expect: ['~ name VI_0 -> VI_lan'] },
  {
    name: 'a changed VRID leaves the instance the same one for the reader',
    after: { virtual_router_id: 51 },
    expect: ['~ virtual_router_id 50 -> 51'],
  },
  {
    name: 'multicast to unicast',
    after: { unicast_src_ip: ip('10.255.0.1'), unicast_peer: [ip('10.255.0.2')] },
    expect: ['+ unicast_peer 10.255.0.2', '+ unicast_src_ip 10.255.0.1'],
  },
];

describe('diff of one instance', () => {
  for (const row of ROWS) {
    test(row.name, () => {
      assert.deepEqual(printed(withInstances(instance(row.before)), withInstances(instance(row.after))), row.expect);
    });
  }
});

describe('diff of whole files', () => {
  const lan = instance();
  const wan = instance({ name: 'VI_1', virtual_router_id: 51, virtual_ipaddress: [vip('10.1.1.1/24 dev p3p2')] });

  test('a VIP that moves between instances is one change and no withdrawal', () => {
    const [kept, moved] = lan.virtual_ipaddress!;
    const after = withInstances(
      { ...lan, virtual_ipaddress: [kept!] },
      { ...wan, virtual_ipaddress: [...wan.virtual_ipaddress!, moved!] },
    );
    const changes = diff(withInstances(lan, wan), after);
    assert.deepEqual(
      changes.map((c) => c.text),
      ['vip 192.168.1.2/24 dev p3p1 (was in VI_0)'],
    );
    assert.equal(changes[0]!.withdraws, undefined);
  });

  test('instances that swap their names are both renamed, and nothing moves', () => {
    const after = withInstances({ ...lan, name: 'VI_1' }, { ...wan, name: 'VI_0' });
    assert.deepEqual(printed(withInstances(lan, wan), after), ['~ name VI_0 -> VI_1', '~ name VI_1 -> VI_0']);
  });

  test('a removed instance withdraws itself and all its VIPs', () => {
    const changes = diff(withInstances(lan, wan), withInstances(lan));
    assert.deepEqual(
      changes.map((c) => [c.text, c.withdraws?.instances, c.withdraws?.vips]),
      [
        ['vrrp_instance VI_1', ['VI_1'], []],
        ['vip 10.1.1.1/24 dev p3p2', [], ['10.1.1.1/24']],
      ],
    );
  });

  test('a renamed member leaves its sync group as it was', () => {
    const group = (...members: string[]) => [{ name: 'G', group: members }];
    const before = config({ vrrp_instance: [lan, wan], vrrp_sync_group: group('VI_0', 'VI_1') });
    const after = config({
      vrrp_instance: [{ ...lan, name: 'VI_lan' }, wan],
      vrrp_sync_group: group('VI_1', 'VI_lan'),
    });
    assert.deepEqual(printed(before, after), ['~ name VI_0 -> VI_lan']);
  });

  test('a secret in a raw block is never in the text', () => {
    const raw = (key: string) =>
      withInstances({ ...lan, other: [{ keyword: 'auth_hmac', args: [], block: [{ keyword: 'key', args: [key] }] }] });
    const changes = diff(raw('canary-1'), raw('canary-2'));
    assert.deepEqual(
      changes.map((c) => c.text),
      ['auth_hmac (sensitive, changed)'],
    );
    assert.doesNotMatch(JSON.stringify(changes), /canary/);
  });
});
