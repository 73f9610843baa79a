import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpPrefix } from '../../src/base/address.ts';
import { configuredAddresses, type ManagerFacts, managerOf } from '../../src/router/managers.ts';

const facts = (change: Partial<ManagerFacts>): ManagerFacts => ({
  running: new Set(),
  networkManager: '',
  networkd: '',
  ifstate: '',
  files: [],
  ...change,
});
const eth0 = { name: 'eth0', index: 2, mac: '02:00:00:00:00:01' };

test('a device is managed by whom the run-time notes name, as long as that one runs', () => {
  const managed = { networkManager: '/run/NetworkManager/devices/2:managed=full\n' };
  const networkd = '/run/systemd/netif/links/2:ADMIN_STATE=';
  const rows: readonly [Partial<ManagerFacts>, string][] = [
    [{ running: new Set(['NetworkManager']), ...managed }, 'NetworkManager'],
    [managed, 'none'],
    [
      { running: new Set(['NetworkManager']), networkManager: '/run/NetworkManager/devices/2:managed=unmanaged\n' },
      'none',
    ],
    [{ running: new Set(['NetworkManager']) }, 'unknown'],
    [{ running: new Set(['systemd-network']), networkd: `${networkd}configured\n` }, 'systemd-networkd'],
    [{ running: new Set(['systemd-network']), networkd: `${networkd}unmanaged\n` }, 'none'],
    [{ ifstate: 'lo=lo\neth0=eth0\n' }, 'ifupdown'],
    [{ ifstate: 'eth01=eth01\n' }, 'none'],
  ];
  for (const [change, expected] of rows) assert.equal(managerOf(eth0, facts(change)), expected, JSON.stringify(change));
});

const configurations: readonly [string, string, readonly string[]][] = [
  [
    '/etc/network/interfaces',
    'auto eth0\niface eth0 inet static\n  address 10.0.0.1\n  netmask 255.255.255.0\n',
    ['10.0.0.1/24'],
  ],
  [
    '/etc/network/interfaces.d/x',
    'iface eth0 inet manual\n  up ip addr add 10.0.0.2/24 dev $IFACE label eth0:1\n',
    ['10.0.0.2/24'],
  ],
  ['/etc/network/interfaces', 'iface eth1 inet static\n  address 10.0.0.1/24\niface eth0 inet dhcp\n', []],
  [
    '/etc/systemd/network/a.network',
    '[Match]\nName=eth*\n[Network]\nAddress=10.0.0.1/24\n[Address]\nAddress=10.0.0.2/32\n',
    ['10.0.0.1/24', '10.0.0.2/32'],
  ],
  [
    '/etc/NetworkManager/system-connections/lan.nmconnection',
    '[connection]\ninterface-name=eth0\n[ipv4]\naddress1=10.0.0.1/24,10.0.0.254\n',
    ['10.0.0.1/24'],
  ],
  [
    '/etc/sysconfig/network-scripts/ifcfg-eth0',
    'IPADDR="10.0.0.1"\nPREFIX=24\nIPADDR1=10.0.0.2\nNETMASK1=255.255.0.0\n',
    ['10.0.0.1/24', '10.0.0.2/16'],
  ],
  [
    '/etc/netplan/01.yaml',
    'network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [10.0.0.1/24, {"10.0.0.2/24": {label: "eth0:1"}}]\n',
    ['10.0.0.1/24', '10.0.0.2/24'],
  ],
  ['/etc/netplan/02.yaml', 'network: [', []],
  ['/etc/network/interfaces', 'iface eth0:1 inet static\n  address 10.0.0.1/24\n', ['10.0.0.1/24']],
  [
    '/etc/systemd/network/a.network',
    '[Match]\nMACAddress=02-00-00-00-00-02 02:00:00:00:00:01\n[Network]\nAddress=10.0.0.1/24\n',
    ['10.0.0.1/24'],
  ],
  [
    '/etc/systemd/network/a.network',
    '[Match]\nName=eth*\nMACAddress=02:00:00:00:00:02\n[Network]\nAddress=10.0.0.1/24\n',
    [],
  ],
  ['/etc/systemd/network/a.network', '[Network]\nAddress=10.0.0.1/24\n', []],
  ['/etc/systemd/network/a.network.d/b.conf', '[Match]\nName=eth0\n[Address]\nAddress=10.0.0.1/24\n', ['10.0.0.1/24']],
  [
    '/etc/NetworkManager/system-connections/mac',
    '[connection]\nid=lan\n[ethernet]\nmac-address=02:00:00:00:00:01\n[ipv4]\naddress1=10.0.0.1/24\n',
    ['10.0.0.1/24'],
  ],
  [
    '/etc/NetworkManager/system-connections/pattern',
    '[match]\ninterface-name=eth*;wan0\n[ipv4]\naddress1=10.0.0.1/24\n',
    ['10.0.0.1/24'],
  ],
  [
    '/etc/sysconfig/network-scripts/ifcfg-lan',
    'HWADDR=02:00:00:00:00:01\nIPADDR=10.0.0.1\nPREFIX=24\n',
    ['10.0.0.1/24'],
  ],
  [
    '/etc/netplan/03.yaml',
    'network:\n  ethernets:\n    lan:\n      match: {macaddress: "02:00:00:00:00:01"}\n      addresses: [10.0.0.1/24]\n',
    ['10.0.0.1/24'],
  ],
  [
    '/etc/netplan/04.yaml',
    'network:\n  ethernets:\n    lan:\n      match: {driver: virtio}\n      set-name: eth0\n      addresses: [10.0.0.1/24]\n',
    ['10.0.0.1/24'],
  ],
];

test('a drop-in of networkd is for the devices of the file beside it', () => {
  const files = [
    { path: '/etc/systemd/network/a.network', text: '[Match]\nName=eth0\n' },
    { path: '/etc/systemd/network/a.network.d/b.conf', text: '[Network]\nAddress=10.0.0.1/24\n' },
  ];
  const found = configuredAddresses([eth0], facts({ files })).get('eth0') ?? [];
  assert.deepEqual(
    found.map((each) => `${formatIpPrefix(each.address)} ${each.file}`),
    ['10.0.0.1/24 /etc/systemd/network/a.network.d/b.conf'],
  );
});

for (const [path, text, expected] of configurations) {
  test(`the addresses that ${path} configures are read with the file's name (${expected.length})`, () => {
    const found = configuredAddresses([eth0], facts({ files: [{ path, text }] })).get('eth0') ?? [];
    assert.deepEqual(
      found.map((each) => formatIpPrefix(each.address)),
      expected,
    );
    assert.ok(found.every((each) => each.file === path));
  });
}

test('no configuration file makes the readers throw', () => {
  const paths = configurations.map(([path]) => path);
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.string({ unit: 'binary' }), (path, text) => {
      configuredAddresses([eth0], facts({ files: [{ path, text }] }));
    }),
  );
});
