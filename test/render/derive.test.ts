import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ms, seconds } from '../../src/base/units.ts';
import type { Member, VrrpIntent } from '../../src/inventory/model.ts';
import type { Config, Instance } from '../../src/keepalived/model.ts';
import { derive } from '../../src/render/derive.ts';
import { ip, member, netInterface, prefix, vip, vrrp } from './member.ts';

/** What an unremarkable instance on a switched link comes to. */
const PLAIN: Instance = {
  name: 'VI_0',
  state: 'BACKUP',
  interface: 'p4p1',
  virtual_router_id: 50,
  priority: 100,
  advert_int: seconds(1),
  virtual_ipaddress: [{ address: prefix('192.168.1.1/24'), dev: 'p3p1' }],
};

interface Row {
  readonly name: string;
  readonly intent?: Partial<VrrpIntent>;
  readonly router?: Partial<Member>;
  readonly expect: Partial<Instance>;
}

const OWN = ip('10.255.0.1');
const INSTANCE_ROWS: readonly Row[] = [
  { name: 'a switched link adds nothing', expect: {} },
  { name: 'a routed link adds nothing', intent: { link: 'routed' }, expect: {} },
  {
    name: 'a direct link: dont_track_primary, and its own address as the source',
    intent: { link: 'direct' },
    expect: { dont_track_primary: true, mcast_src_ip: OWN },
  },
  {
    name: 'a direct link with source: kernel leaves the source to the kernel',
    intent: { link: 'direct', source: 'kernel' },
    expect: { dont_track_primary: true },
  },
  {
    name: 'a direct link with unicast has its source already',
    intent: { link: 'direct', unicast: { source: OWN, peers: [ip('10.255.0.2')] } },
    expect: { dont_track_primary: true, unicast_src_ip: OWN, unicast_peer: [ip('10.255.0.2')] },
  },
  {
    name: 'a direct link whose interface has no address has no source to name',
    intent: { link: 'direct' },
    router: { interfaces: [netInterface('p4p1')] },
    expect: { dont_track_primary: true },
  },
  {
    name: 'a direct link takes the first address of its family',
    intent: { link: 'direct' },
    router: { interfaces: [netInterface('p4p1', 'fe80::1/64', '10.9.9.9/30', '10.9.9.10/30')] },
    expect: { dont_track_primary: true, mcast_src_ip: ip('10.9.9.9') },
  },
  {
    name: 'IPv6 on a direct link takes a link-local address only',
    intent: { link: 'direct', family: 6, version: 3 },
    router: { interfaces: [netInterface('p4p1', '2001:db8::1/64', 'fe80::1/64')] },
    expect: { version: 3, dont_track_primary: true, mcast_src_ip: ip('fe80::1') },
  },
  {
    name: 'version 3 stands in the file, version 2 is the default',
    intent: { version: 3, advert_int: ms(100) },
    expect: { version: 3, advert_int: ms(100) },
  },
  {
    name: 'preempt: false is nopreempt, and a delay has no meaning then',
    intent: { preempt: false, preempt_delay: seconds(5) },
    expect: { nopreempt: true },
  },
  { name: 'preempt_delay', intent: { preempt_delay: seconds(5) }, expect: { preempt_delay: seconds(5) } },
  { name: 'the state that the inventory names', intent: { state: 'MASTER' }, expect: { state: 'MASTER' } },
  {
    name: 'auth_pass',
    intent: { auth_pass: 'p#a!s' },
    expect: { authentication: { auth_type: 'PASS', auth_pass: 'p#a!s' } },
  },
  {
    name: 'smtp_alert: false is said, because a global one may be true',
    intent: { smtp_alert: false },
    expect: { smtp_alert: false },
  },
  {
    name: 'every notify',
    intent: {
      notify: {
        master: { argv: ['/m'] },
        backup: { argv: ['/b'] },
        fault: { argv: ['/f'] },
        stop: { argv: ['/s'] },
        all: { argv: ['/a'], user: 'u' },
      },
    },
    expect: {
      notify_master: { argv: ['/m'] },
      notify_backup: { argv: ['/b'] },
      notify_fault: { argv: ['/f'] },
      notify_stop: { argv: ['/s'] },
      notify: { argv: ['/a'], user: 'u' },
    },
  },
  {
    name: 'VIPs that are not advertised are excluded',
    intent: { vips: [vip('10.0.0.1/24'), vip('10.0.0.2/24', {}, false), vip('10.0.0.3/24')] },
    expect: {
      virtual_ipaddress: [{ address: prefix('10.0.0.1/24') }, { address: prefix('10.0.0.3/24') }],
      virtual_ipaddress_excluded: [{ address: prefix('10.0.0.2/24') }],
    },
  },
  {
    name: 'routes, rules and what is tracked',
    intent: {
      routes: [{ to: prefix('10.9.0.0/16'), via: ip('10.1.1.9') }],
      rules: [{ from: prefix('10.1.0.0/16'), table: '50' }],
      track: {
        interface: [{ name: 'p1p1' }],
        script: [{ name: 's', weight: -10 }],
        file: [{ name: 'f' }],
        process: [{ name: 'p' }],
      },
    },
    expect: {
      virtual_routes: [{ to: prefix('10.9.0.0/16'), via: ip('10.1.1.9') }],
      virtual_rules: [{ from: prefix('10.1.0.0/16'), table: '50' }],
      track_interface: [{ name: 'p1p1' }],
      track_script: [{ name: 's', weight: -10 }],
      track_file: [{ name: 'f' }],
      track_process: [{ name: 'p' }],
    },
  },
  {
    name: 'garp',
    intent: {
      garp: {
        delay: seconds(1),
        repeat: 2,
        refresh: seconds(60),
        refresh_repeat: 3,
        lower_prio_delay: seconds(0),
        lower_prio_repeat: 0,
      },
    },
    expect: {
      garp_master_delay: seconds(1),
      garp_master_repeat: 2,
      garp_master_refresh: seconds(60),
      garp_master_refresh_repeat: 3,
      garp_lower_prio_delay: seconds(0),
      garp_lower_prio_repeat: 0,
    },
  },
  { name: 'use_vmac', intent: { use_vmac: { xmit_base: false } }, expect: { use_vmac: {} } },
  {
    name: 'use_vmac with unicast: keepalived wants vmac_xmit_base said',
    intent: { use_vmac: { xmit_base: false }, unicast: { source: OWN, peers: [ip('10.255.0.2')] } },
    expect: { use_vmac: {}, vmac_xmit_base: true, unicast_src_ip: OWN, unicast_peer: [ip('10.255.0.2')] },
  },
  {
    name: 'use_vmac with a name and vmac_xmit_base',
    intent: { use_vmac: { name: 'vrrp50', xmit_base: true } },
    expect: { use_vmac: { name: 'vrrp50' }, vmac_xmit_base: true },
  },
];

for (const row of INSTANCE_ROWS) {
  test(`derived: ${row.name}`, () => {
    const instances = [vrrp({ link: 'switched', ...row.intent })];
    const { vrrp_instance } = derive(member({ ...row.router, instances }));
    assert.deepEqual(vrrp_instance, [{ ...PLAIN, ...row.expect }]);
  });
}

test('derived: mail, scripts, files, processes and groups stand in the inventory order', () => {
  const router = member({
    router_id: 'RTR-CORE-A',
    smtp: {
      server: { host: '10.80.1.41', port: 2525 },
      from: 'vrrp@example.net',
      to: ['noc@example.net'],
      connect_timeout: seconds(30),
      helo: 'h',
    },
    instances: [],
    scripts: [
      {
        name: 'b',
        command: { argv: ['/usr/bin/b', '-x'], user: 'nobody', group: 'nogroup' },
        interval: seconds(2),
        timeout: seconds(1),
        weight: 0,
        rise: 2,
        fall: 3,
      },
      { name: 'a', command: { argv: ['/usr/bin/a'] } },
    ],
    track_files: [{ name: 'f', file: '/run/f', weight: 0 }],
    track_processes: [{ name: 'p', process: ['bird', '-d'], quorum: 1 }],
    sync_groups: [{ name: 'G', members: ['VI_1', 'VI_0'], notify: { all: { argv: ['/n'] } }, smtp_alert: true }],
  });
  const expected: Config = {
    global_defs: {
      notification_email: ['noc@example.net'],
      notification_email_from: 'vrrp@example.net',
      smtp_server: { host: '10.80.1.41', port: 2525 },
      smtp_connect_timeout: seconds(30),
      smtp_helo_name: 'h',
      router_id: 'RTR-CORE-A',
    },
    static_ipaddress: [],
    static_routes: [],
    static_rules: [],
    track_group: [],
    vrrp_script: [
      {
        name: 'b',
        script: { argv: ['/usr/bin/b', '-x'] },
        user: { user: 'nobody', group: 'nogroup' },
        interval: seconds(2),
        timeout: seconds(1),
        weight: 0,
        rise: 2,
        fall: 3,
      },
      { name: 'a', script: { argv: ['/usr/bin/a'] } },
    ],
    track_file: [{ name: 'f', file: '/run/f', weight: 0 }],
    track_process: [{ name: 'p', process: ['bird', '-d'], quorum: 1 }],
    vrrp_sync_group: [{ name: 'G', group: ['VI_1', 'VI_0'], notify: { argv: ['/n'] }, smtp_alert: true }],
    vrrp_instance: [],
    other: [],
  };
  assert.deepEqual(derive(router), expected);
});
