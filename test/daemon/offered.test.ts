import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unoffered, withoutActedOn } from '../../src/daemon/offered.ts';
import { parse } from '../../src/keepalived/parser.ts';

const FILE = `global_defs {
    router_id r1
    vrrp_strict
}
vrrp_instance VI_0 {
    interface lan
    virtual_router_id 5
    use_ipvlan
    track_bfd { b }
    virtual_ipaddress {
        10.0.0.1
        10.0.0.2
    }
}
`;

test('what is known and not acted on is named where it stands; what would change who answers is refused', () => {
  const found = unoffered(parse(FILE, 'f')).map(({ severity, at }) => [severity, at?.line]);
  assert.deepEqual(found, [
    ['warning', 9],
    ['error', 8],
  ]);
});

const authenticated = (lines: string): string =>
  FILE.replace('vrrp_strict', '').replace(
    'track_bfd { b }',
    `${lines}\n    authentication {\n        auth_type AH\n        auth_pass abc\n    }`,
  );

test('authentication headers are refused where they would be sent', () => {
  const refused = (lines: string): boolean =>
    unoffered(parse(authenticated(lines), 'f')).some(({ message }) => message.startsWith('"auth_type AH"'));
  assert.ok(refused(''));
  assert.ok(!refused('version 3'));
  assert.ok(!refused('strict_mode'));
});

test('a rare keyword that is acted on has no warning that it is not', () => {
  const text = FILE.replace('router_id r1', 'umask 022\n    snmp_socket /s').replace('use_ipvlan', 'native_ipv6');
  const parsed = parse(`${text}\nvrrp_track_process p {\n  process x\n  full_command\n}\n`, 'f');
  assert.deepEqual(
    withoutActedOn(parsed).map(({ message }) => message.split(' ')[0]),
    ['"snmp_socket"', '"native_ipv6"'],
  );
});

test('a umask that is none is an error at its place', () => {
  const problems = unoffered(parse(FILE.replace('router_id r1', 'umask 08'), 'f'));
  const found = problems.filter(({ code }) => code === 'conf-value').map(({ severity, at }) => [severity, at?.line]);
  assert.deepEqual(found, [['error', 2]]);
});

test('a file without such keywords has no such problem', () => {
  const plain = FILE.replaceAll(/ *use_ipvlan| *track_bfd.*/g, '');
  assert.deepEqual(unoffered(parse(plain, 'f')), []);
});
