import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from '../../src/keepalived/parser.ts';
import { addressOf, type LineContext, type Resolved, routeOf, ruleOf } from '../../src/linux/lines.ts';
import { namesOf } from '../../src/linux/names.ts';

const FILES: Readonly<Record<string, string>> = {
  rt_tables: '# reserved\n255\tlocal\n 100 isp1 # the first\n0x65\tisp2\nwrong line\n',
  rt_protos: '186\tbgp\n',
};
const names = namesOf((file) => FILES[file] ?? '');
const context: LineContext = {
  names,
  dev: 'eth0',
  protocol: 112,
  tableOfVrf: (dev) => (dev === 'blue' ? 77 : undefined),
};

describe('names', () => {
  const cases: readonly [Parameters<typeof names>[0], string, number | undefined][] = [
    ['table', 'isp1', 100],
    ['table', 'isp2', 101],
    ['table', 'main', 254],
    ['table', '0x10', 16],
    ['table', '4294967295', 4_294_967_295],
    ['table', '4294967296', undefined],
    ['table', 'isp3', undefined],
    ['protocol', 'bgp', 186],
    ['protocol', 'keepalived', 18],
    ['protocol', '256', undefined],
    ['scope', 'link', 253],
    ['realm', 'cosmos', 0],
    ['group', 'default', 0],
  ];
  for (const [kind, word, number] of cases) {
    test(`${kind} ${word} is ${number ?? 'nothing'}`, () => assert.equal(names(kind, word), number));
  }
});

describe('lines that name what is not here', () => {
  const instance = (block: string, line: string) =>
    parse(`vrrp_instance V {\n${block} {\n${line}\n}\n}\n`, 'keepalived.conf').config.vrrp_instance[0]!;
  const route = (line: string) => routeOf(instance('virtual_routes', line).virtual_routes![0]!, context);
  const rule = (line: string) => ruleOf(instance('virtual_rules', line).virtual_rules![0]!, context, 16_384);
  const address = (line: string) => addressOf(instance('virtual_ipaddress', line).virtual_ipaddress![0]!, context);

  const reasons: readonly [string, () => Resolved<unknown>, string][] = [
    ['a table', () => route('10.0.0.0/8 dev eth0 table isp3'), 'there is no routing table "isp3"'],
    ['a protocol', () => route('10.0.0.0/8 dev eth0 no_track protocol rpi'), 'there is no routing protocol "rpi"'],
    ['a realm', () => route('10.0.0.0/8 dev eth0 realms x/y'), 'there is no realm "x"'],
    ['a vrf', () => route('10.0.0.0/8 dev eth0 vrf red'), 'there is no vrf device "red"'],
    ['a preference', () => route('2001:db8::/32 dev eth0 pref best'), '"best" is no value of "pref"'],
    ['a feature', () => route('10.0.0.0/8 dev eth0 features sack'), '"sack" is no value of "features"'],
    ['a time', () => route('10.0.0.0/8 dev eth0 rtt soon'), '"soon" is no time for "rtt"'],
    ['a number', () => route('10.0.0.0/8 dev eth0 window big'), '"big" is no number for "window"'],
    ['a tunnel', () => route('10.0.0.0/8 dev eth0 encap mpls 100'), '"encap" is not offered'],
    ['a group', () => rule('from 10.0.0.0/8 table 5 suppress_ifgroup edge'), 'there is no group of devices "edge"'],
    ['a range', () => rule('from 10.0.0.0/8 table 5 sport 80-x'), '"x" is no number for "sport"'],
  ];
  for (const [what, read, reason] of reasons) {
    test(`say so: ${what}`, () => assert.deepEqual(read(), { kind: 'unresolved', reason }));
  }

  const values: readonly [string, () => Resolved<object>, object][] = [
    ['a table by its name', () => route('10.0.0.0/8 dev eth0 table isp1'), { table: 100 }],
    ['the table of a vrf', () => route('10.0.0.0/8 dev eth0 vrf blue'), { table: 77 }],
    ['our protocol where the route is tracked', () => route('10.0.0.0/8 dev eth0 protocol bgp'), { protocol: 112 }],
    ['its own where it is not', () => route('10.0.0.0/8 dev eth0 no_track protocol bgp'), { protocol: 186 }],
    ['scope host for a local route', () => route('local 10.0.0.1/32 dev eth0'), { scope: 254 }],
    [
      'the network of what has bits behind it',
      () => route('10.1.2.3/8 dev eth0'),
      { destination: { family: 4, text: '10.0.0.0', prefix: 8 } },
    ],
    ['one port', () => rule('from 10.0.0.0/8 table 5 dport 443'), { destinationPorts: { first: 443, last: 443 } }],
    ['the priority it is given', () => rule('from 10.0.0.0/8 table 5'), { priority: 16_384 }],
    ["the instance's device", () => address('10.0.0.1/8'), { dev: 'eth0' }],
  ];
  for (const [what, read, expected] of values) {
    test(`get what they say: ${what}`, () => {
      const resolved = read();
      assert.ok(resolved.kind === 'resolved', JSON.stringify(resolved));
      assert.partialDeepStrictEqual(resolved.value, expected);
    });
  }
});
