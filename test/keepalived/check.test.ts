import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { check } from '../../src/keepalived/check.ts';
import { parse } from '../../src/keepalived/parser.ts';

/** Every problem of a text as `line:column code`. */
function findings(text: string, interfaces?: readonly string[]): readonly string[] {
  const parsed = parse(text, 'f');
  const problems = [...parsed.problems, ...check(parsed, interfaces ? { interfaces: new Set(interfaces) } : {})];
  return problems.map((problem) => `${problem.at?.line}:${problem.at?.column} ${problem.code}`);
}

test("the article's file: its two bad addresses and its long auth_pass are each reported at their place in one run", () => {
  const text = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'seed.conf'), 'utf8');
  const parsed = parse(text, 'seed.conf');
  const problems = [...parsed.problems, ...check(parsed)];
  const places = problems.map((problem) => {
    const line = text.split('\n')[problem.at!.line - 1]!;
    return line.slice(problem.at!.column - 1, problem.at!.column - 1 + problem.at!.length!);
  });
  assert.deepEqual(places, ['sanitizedpassword', '78.123.265.1', '193.266.0.0/16']);
});

test('no message repeats a password', () => {
  for (const pass of ["'hunter two'", 'hunter2hunter2', '"hunter', '""', 'hunter }', 'hunter\\', 'hunter\u0001']) {
    const { problems } = parse(`vrrp_instance A {\nauthentication {\nauth_type PASS\nauth_pass ${pass}\n}\n}\n`, 'f');
    assert.ok(problems.length > 0, pass);
    for (const problem of problems) assert.doesNotMatch(JSON.stringify(problem), /hunter|two/);
  }
});

const instance = (body: string, name = 'A') =>
  `vrrp_instance ${name} {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress { 10.0.0.1/24 }\n ${body}\n}\n`;

const CASES: readonly [title: string, text: string, expected: readonly string[]][] = [
  ['a complete instance has no problems', instance(''), []],
  [
    'interface and virtual_router_id are needed',
    'vrrp_instance A {\n virtual_ipaddress { 10.0.0.1 }\n}\n',
    ['1:15 conf-missing', '1:15 conf-missing'],
  ],
  [
    'what stands there and is wrong is not missing, too',
    'vrrp_instance A {\n interface a/b\n virtual_router_id x\n authentication {\n auth_type PASS\n auth_pass a b\n}\n virtual_ipaddress {\n 10.0.0.300\n }\n}\n',
    ['2:12 conf-value', '3:20 conf-value', '6:12 conf-value', '9:2 conf-value'],
  ],
  [
    'a block without an address',
    'vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n }\n}\n',
    ['4:2 conf-missing'],
  ],
  ['no instance at all', 'global_defs {\n}\n', ['1:1 conf-missing']],
  ['a name and a VRID that stand twice', instance('') + instance(''), ['7:15 conf-duplicate', '9:20 conf-duplicate']],
  ['a tracked script that is not defined', instance('track_script { s }'), ['5:17 conf-unknown-name']],
  ['IPv6 with version 2', instance('version 2').replace('10.0.0.1/24', 'fe80::1/64'), ['5:10 conf-value']],
  ['version 2 with half a second', instance('advert_int 0.5'), ['5:13 conf-value']],
  ['version 3 with half a second', instance('version 3\n advert_int 0.5'), []],
  [
    'authentication in version 3',
    instance('version 3\n authentication { auth_type PASS\n auth_pass x }'),
    ['6:2 conf-value'],
  ],
  ['a peer of the other family', instance('unicast_peer { 2001:db8::1 }'), ['5:17 conf-value']],
  ['an address twice is a warning', instance('virtual_ipaddress_excluded { 10.0.0.1/24 }'), ['5:31 conf-duplicate']],
  ['an excluded address of the other family', instance('virtual_ipaddress_excluded { fe80::1/64 }'), []],
  ['a weight on an address owner', instance('priority 255\n track_interface { eth1 weight 5 }'), ['6:32 conf-value']],
  [
    'track_group in an instance',
    `track_group T {\n group { A }\n}\n${instance('virtual_routes { 10.9.0.0/16 dev eth0 track_group T }')}`,
    ['8:52 conf-value'],
  ],
];

describe('checks over a whole file', () => {
  for (const [title, text, expected] of CASES) test(title, () => assert.deepEqual(findings(text), expected));

  test('every interface that the file names must exist where the interfaces are known', () => {
    const text = instance('track_interface { eth9 }\n virtual_routes { 10.9.0.0/16 dev eth8 }\n use_vmac vrrp.5');
    assert.deepEqual(findings(text, ['eth0', 'lo']), ['6:35 conf-unknown-interface', '5:20 conf-unknown-interface']);
    assert.deepEqual(findings(text, ['eth0', 'eth8', 'eth9']), []);
  });

  for (const [globals, severity] of [
    ['', 'error'],
    ['dynamic_interfaces', 'warning'],
    ['dynamic_interfaces allow_if_changes', 'warning'],
  ] as const) {
    test(`one that does not is an ${severity} under "${globals}", as keepalived has it`, () => {
      const parsed = parse(`global_defs {\n ${globals}\n}\n${instance('')}`, 'f');
      const found = check(parsed, { interfaces: new Set(['lo']) });
      assert.ok(found.length > 0);
      for (const problem of found) {
        assert.deepEqual([problem.code, problem.severity], ['conf-unknown-interface', severity]);
      }
    });
  }

  test('more addresses than an advert holds', () => {
    const text = instance('').replace(
      '10.0.0.1/24',
      Array.from({ length: 256 }, (_v, i) => `10.0.${i}.1/24`).join('\n'),
    );
    assert.deepEqual(findings(text), ['259:1 conf-value']);
  });
});
