import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { parse } from '../../src/keepalived/parser.ts';
import type { InstanceConfig } from '../../src/vrrp/config.ts';
import { routerConfig } from '../../src/vrrp/resolve.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

const resolve = (text: string) => routerConfig(parse(text, 'keepalived.conf').config);

/** An instance with what every one needs, and the given lines. */
const instance = (lines = '', name = 'V', vrid = 51): string => `
vrrp_instance ${name} {
  interface lan
  virtual_router_id ${vrid}
  ${lines}
  virtual_ipaddress {
    10.0.0.254/24
  }
}
`;
const one = (lines = '', globals = ''): InstanceConfig => resolve(`${globals}\n${instance(lines)}`).instances[0]!;

test('an instance that says nothing gets what keepalived takes', () => {
  assert.deepEqual(one('version 3'), instanceConfig());
});

test('the seed: a pair on a direct link, with VIPs, routes and devices of their own', () => {
  const path = new URL('../fixtures/seed.conf', import.meta.url);
  const config = routerConfig(parse(readFileSync(path, 'utf8'), 'seed.conf').config).instances[0]!;
  const { trackers, addresses, password, ...rest } = config;
  assert.deepEqual(
    trackers.map(({ kind, name, weight }) => `${kind} ${name} ${weight}`),
    // Not p1p1: the seed's only route there goes via 78.123.265.1, which is no address, and is not in the model.
    ['interface p3p1 0', 'interface p3p2 0', 'interface p1p2 0'],
  );
  assert.deepEqual(
    addresses.map(({ text }) => text),
    ['192.168.1.1', '192.168.1.2', '10.1.1.1', '10.1.1.2'],
  );
  assert.deepEqual(Buffer.from(password!).toString(), 'sanitize');
  const { trackers: _, addresses: __, ...defaults } = instanceConfig();
  const link = { interface: 'p4p1', device: 'p4p1', dontTrackPrimary: true };
  const seed = { name: 'VI_0', version: 2, vrid: 50, priority: 50, ...link };
  assert.deepEqual(rest, { ...defaults, ...seed });
});

interface Row {
  readonly lines?: string;
  readonly globals?: string;
  readonly expect: Partial<InstanceConfig>;
}

const rows: Record<string, Row> = {
  'state MASTER without priority owns the addresses': {
    lines: 'state MASTER',
    expect: { startState: 'Active', priority: 255 },
  },
  'state MASTER takes nopreempt and preempt_delay back': {
    lines: 'state MASTER\npriority 100\nnopreempt\npreempt_delay 5',
    expect: { startState: 'Active', preempt: true, preemptDelay: ms(0) },
  },
  'nopreempt and preempt_delay hold for a BACKUP': {
    lines: 'state BACKUP\nnopreempt\npreempt_delay 5',
    expect: { startState: 'Backup', preempt: false, preemptDelay: ms(5000) },
  },
  'priority 255 as BACKUP waits, but not in strict mode': {
    lines: 'state BACKUP\npriority 255',
    globals: 'global_defs {\n vrrp_strict\n}',
    expect: { startState: 'Active', lowerPriorityNoAdvert: true },
  },
  'unicast peers and their source': {
    lines: 'unicast_src_ip 10.0.0.1\nunicast_peer {\n 10.0.0.2 min_ttl 64\n}\ncheck_unicast_src\nunicast_ttl 64',
    expect: {
      source: ip('10.0.0.1'),
      peers: [{ ...ip('10.0.0.2'), min_ttl: 64 }],
      ttl: 64,
      checkUnicastSource: true,
    },
  },
  'a multicast source that must be there': {
    lines: 'mcast_src_ip 10.0.0.1\ntrack_src_ip',
    expect: { source: ip('10.0.0.1'), trackSource: true },
  },
  'the group of the globals': {
    globals: 'global_defs {\n vrrp_mcast_group4 224.0.0.99\n}',
    expect: { multicastGroup: ip('224.0.0.99') },
  },
  'a group of its own': {
    globals: 'global_defs {\n vrrp_mcast_group4 224.0.0.99\n}',
    lines: 'mcast_dst_ip 224.0.0.77',
    expect: { multicastGroup: ip('224.0.0.77') },
  },
  'v3_checksum_as_v2 for all': {
    globals: 'global_defs {\n v3_checksum_as_v2\n}',
    expect: { checksum: 'plain' },
  },
  'v3_checksum_as_v2 for one': { lines: 'v3_checksum_as_v2', expect: { checksum: 'plain' } },
  'garp_extra_if: the instance before the globals': {
    lines: 'garp_extra_if all 100',
    globals: 'global_defs {\n vrrp_garp_extra_if 60\n}',
    expect: {
      announce: {
        repeat: 5,
        delay: ms(5000),
        refresh: ms(0),
        refreshRepeat: 1,
        lowerPriorityRepeat: 5,
        lowerPriorityDelay: ms(5000),
        elsewhere: { interval: ms(100_000), all: true },
      },
    },
  },
  "garp keywords: the instance before the globals, lower_prio as the globals' first burst": {
    lines: 'garp_master_delay 2\ngarp_master_refresh 60',
    globals: 'global_defs {\n vrrp_garp_master_repeat 3\n vrrp_garp_master_delay 9\n}',
    expect: {
      announce: {
        repeat: 3,
        delay: ms(2000),
        refresh: ms(60_000),
        refreshRepeat: 1,
        lowerPriorityRepeat: 3,
        lowerPriorityDelay: ms(9000),
      },
    },
  },
};

for (const [what, { lines, globals, expect }] of Object.entries(rows)) {
  test(`${what}`, () => {
    const config = one(lines, globals);
    assert.deepEqual(
      Object.fromEntries(Object.keys(expect).map((key) => [key, config[key as keyof InstanceConfig]])),
      expect,
    );
  });
}

const watched = (config: InstanceConfig): string[] =>
  config.trackers.map(({ kind, name, weight, reverse }) => `${kind} ${name} ${weight}${reverse ? ' reverse' : ''}`);

const DEVICES = `virtual_ipaddress_excluded {
    10.2.0.1/24 dev wan
    10.3.0.1/24 dev dmz no_track
  }
  virtual_routes {
    192.0.2.0/24 via 10.0.0.9 dev lan
    198.51.100.0/24 via 10.4.0.9 dev up no_track
  }`;

test('the devices of VIPs and routes are watched, but for those that say no_track', () => {
  assert.deepEqual(watched(one(DEVICES)), ['interface lan 0', 'interface wan 0']);
});

test('dont_track_primary: a route that names the primary device does not undo it', () => {
  assert.deepEqual(watched(one(`dont_track_primary\n${DEVICES}`)), ['interface wan 0']);
});

const SCRIPT = 'vrrp_script chk {\n script "/bin/true"\n weight -20\n}';

test("a weight in the tracking line counts before the script's own", () => {
  assert.deepEqual(watched(one('track_script {\n chk\n}', SCRIPT)), ['interface lan 0', 'script chk -20']);
  const reversed = watched(one('track_script {\n chk weight 5 reverse\n}', SCRIPT));
  assert.deepEqual(reversed, ['interface lan 0', 'script chk 5 reverse']);
});

test('a device that carries a VIP is watched without weight, whatever weight track_interface gives it', () => {
  const lines = `track_interface {\n wan weight -20\n up weight -20\n}\n${DEVICES}`;
  assert.deepEqual(watched(one(lines)), ['interface lan 0', 'interface wan 0', 'interface up -20']);
});

test('a sync group shares its trackers with its members, which ignore weights', () => {
  const group = 'vrrp_sync_group G {\n group {\n A\n B\n }\n track_interface {\n wan\n }\n}';
  const text = `${SCRIPT}\n${instance('track_script {\n chk\n}', 'A')}\n${instance('', 'B', 52)}\n${group}`;
  const { instances, syncGroups } = resolve(text);
  assert.deepEqual(syncGroups, [{ name: 'G', members: ['A', 'B'] }]);
  assert.deepEqual(instances.map(watched), [
    ['interface lan 0', 'interface wan 0'],
    ['interface lan 0', 'interface wan 0'],
  ]);
  assert.deepEqual(
    instances.map(({ syncGroup }) => syncGroup),
    ['G', 'G'],
  );
});
