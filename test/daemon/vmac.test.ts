/** Which VMACs a file asks for, their names, and what lies on them; each row as keepalived 2.2.7 does it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatIpPrefix } from '../../src/base/address.ts';
import { placed } from '../../src/daemon/vmac.ts';
import { parse } from '../../src/keepalived/parser.ts';
import type { Link } from '../../src/linux/link.ts';
import { routerConfig } from '../../src/vrrp/resolve.ts';

const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
  ...{ index, name, up: true, running: true, mtu: 1500 },
  ...more,
});
const [ETH0, ETH1] = [link(2, 'eth0'), link(3, 'eth1')];
const V4 = [0, 0, 0x5e, 0, 1, 61];
const macvlan = (index: number, name: string, lower: number, mac: readonly number[]): Link =>
  link(index, name, { type: 'macvlan', isPrivate: true, lower, mac: Uint8Array.from(mac) });

interface Given {
  readonly text: string;
  readonly globals?: string;
  readonly links?: readonly Link[];
}

const instance = (name: string, lines: string, dev = 'eth0'): string =>
  `vrrp_instance ${name} {\n interface ${dev}\n virtual_router_id 61\n ${lines.replaceAll('; ', '\n ')}\n}\n`;
const vips = (...lines: readonly string[]): string => `virtual_ipaddress {\n ${lines.join('\n ')}\n }`;

function place({ text, globals = '', links = [] }: Given) {
  const { config, problems } = parse(`global_defs {\n ${globals}\n}\n${text}`, 'f');
  assert.deepEqual(problems, []);
  return placed({ config, router: routerConfig(config) }, [ETH0, ETH1, ...links]);
}

/** `NAME on DEVICE MAC` each. */
function vmacsOf(given: Given): readonly string[] {
  const hex = (mac: Uint8Array): string => [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return place(given).placement.vmacs.map(({ name, lower, mac }) => `${name} on ${lower} ${hex(mac)}`);
}

const lies = (given: Given): readonly string[] =>
  [...place(given).placement.lines].map(([line, device]) => `${formatIpPrefix(line.address)} ${device}`);

const v4 = instance('A', `use_vmac; ${vips('10.0.0.1/24')}`);
const v6 = instance('B', `use_vmac; ${vips('fe80::1/64')}`);
const far = instance('C', `use_vmac; ${vips('10.1.0.1/24')}`, 'eth1');
const far6 = instance('D', `use_vmac; ${vips('fe80::2/64')}`, 'eth1');

const NAMES: readonly { readonly what: string; readonly given: Given; readonly want: readonly string[] }[] = [
  { what: 'vrrp.VRID', given: { text: v4 }, want: ['vrrp.61 on eth0 00:00:5e:00:01:3d'] },
  { what: 'so is IPv6', given: { text: v6 }, want: ['vrrp.61 on eth0 00:00:5e:00:02:3d'] },
  {
    what: 'taken by the file: vrrp6 for IPv6, then numbers',
    given: { text: v6 + far6 + v4 + far },
    want: [
      'vrrp.61 on eth0 00:00:5e:00:02:3d',
      'vrrp6.61 on eth1 00:00:5e:00:02:3d',
      'vrrp1.61 on eth0 00:00:5e:00:01:3d',
      'vrrp2.61 on eth1 00:00:5e:00:01:3d',
    ],
  },
  {
    what: 'taken by another device',
    given: { text: v4, links: [link(9, 'vrrp.61')] },
    want: ['vrrp1.61 on eth0 00:00:5e:00:01:3d'],
  },
  {
    what: 'the right device is there, whatever its name',
    given: { text: v4, links: [macvlan(9, 'foo', 2, V4)] },
    want: ['foo on eth0 00:00:5e:00:01:3d'],
  },
  {
    what: 'on another interface it is not the right one',
    given: { text: v4, links: [macvlan(9, 'vrrp.61', 3, V4)] },
    want: ['vrrp1.61 on eth0 00:00:5e:00:01:3d'],
  },
  {
    what: "the file's name and MAC; five bytes and the VRID",
    given: { text: v4.replace('use_vmac', 'use_vmac mine 02:00:00:aa:bb') },
    want: ['mine on eth0 02:00:00:aa:bb:3d'],
  },
  {
    what: "the file's name on the wrong interface: it is made anew",
    given: { text: v4.replace('use_vmac', 'use_vmac mine'), links: [macvlan(9, 'mine', 3, V4)] },
    want: ['mine on eth0 00:00:5e:00:01:3d'],
  },
  {
    what: "the file's name is another kind of device",
    given: { text: v4.replace('use_vmac', 'use_vmac mine'), links: [link(9, 'mine')] },
    want: ['vrrp.61 on eth0 00:00:5e:00:01:3d'],
  },
  {
    what: 'prefixes of the file',
    given: {
      text: instance('A', `use_vmac; ${vips('10.0.0.1/24', '10.1.0.1/24 dev eth1 use_vmac')}`),
      globals: 'vmac_prefix vm\n vmac_addr_prefix va',
    },
    want: ['vm.61 on eth0 00:00:5e:00:01:3d', 'va.61 on eth1 00:00:5e:00:01:3d'],
  },
];

describe('the name of a VMAC', () => {
  for (const { what, given, want } of NAMES) test(what, () => assert.deepEqual(vmacsOf(given), want));
});

const PLACES: readonly { readonly what: string; readonly given: Given; readonly want: readonly string[] }[] = [
  {
    what: 'what is of the family and the interface of the instance',
    given: {
      text: instance(
        'A',
        `use_vmac; ${vips('10.0.0.1/24', '10.0.0.2/24 dev eth0', '10.1.0.1/24 dev eth1')}; ` +
          'virtual_ipaddress_excluded {; 2001:db8::5/64; }',
      ),
    },
    want: ['10.0.0.1/24 vrrp.61', '10.0.0.2/24 vrrp.61'],
  },
  {
    what: 'what asks for it, each on its device and with the MAC of its family',
    given: {
      text: instance(
        'A',
        `use_vmac; ${vips('10.0.0.1/24', '10.1.0.1/24 dev eth1 use_vmac', '10.1.0.2/24 dev eth1 use_vmac')}; ` +
          'virtual_ipaddress_excluded {; 2001:db8::5/64 use_vmac; }',
      ),
    },
    want: ['10.0.0.1/24 vrrp.61', '10.1.0.1/24 vrrp1.61', '10.1.0.2/24 vrrp1.61', '2001:db8::5/64 vrrp6.61'],
  },
  {
    what: 'a MAC of the file is that of its other VMACs too',
    given: {
      text: instance(
        'A',
        `use_vmac foo 02:00:00:00:01; ${vips('10.1.0.1/24 dev eth1 use_vmac')}; ` +
          'virtual_ipaddress_excluded {; 2001:db8::5/64 use_vmac; }',
      ),
    },
    want: ['10.1.0.1/24 vrrp.61', '2001:db8::5/64 foo'],
  },
  {
    what: 'use_vmac_addr without use_vmac: all that lie elsewhere',
    given: { text: instance('A', `use_vmac_addr; ${vips('10.0.0.1/24', '10.1.0.1/24 dev eth1')}`) },
    want: ['10.1.0.1/24 vrrp.61'],
  },
];

describe('what lies on a VMAC', () => {
  for (const { what, given, want } of PLACES) test(what, () => assert.deepEqual(lies(given), want));
});

describe('an instance with a VMAC', () => {
  const of = (lines: string) => place({ text: instance('A', `${lines}; ${vips('10.0.0.1/24')}`) }).router.instances[0]!;
  const watched = (lines: string) => of(lines).trackers.map(({ name }) => name);

  test('speaks on it, with vmac_xmit_base on its interface', () => {
    assert.equal(of('use_vmac').device, 'vrrp.61');
    assert.equal(of('use_vmac; vmac_xmit_base').device, 'eth0');
  });

  test('watches both, with dont_track_primary neither, whatever names it', () => {
    assert.deepEqual(watched('use_vmac'), ['eth0', 'vrrp.61']);
    assert.deepEqual(watched('use_vmac; dont_track_primary'), []);
    assert.deepEqual(watched('use_vmac mine; dont_track_primary; track_interface {; mine; }'), []);
  });

  test('a file without VMACs stays as it is', () => {
    const { placement, router } = place({ text: instance('A', vips('10.0.0.1/24')) });
    assert.deepEqual(placement.vmacs, []);
    assert.equal(router.instances[0]!.device, 'eth0');
  });
});
