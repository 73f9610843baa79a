import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unoffered } from '../../src/daemon/offered.ts';
import { parse } from '../../src/keepalived/parser.ts';

const FILE = `global_defs {
    vrrp_rt_priority 50
    vrrp_strict
}
vrrp_instance VI_0 {
    interface lan
    virtual_router_id 5
    use_ipvlan
    no_accept
    virtual_ipaddress {
        10.0.0.1
        10.0.0.2
    }
}
`;

test('what is known and not acted on is named where it stands; what would change who answers is refused', () => {
  const found = unoffered(parse(FILE, 'f')).map(({ severity, at }) => [severity, at?.line]);
  assert.deepEqual(found, [
    ['warning', 2],
    ['warning', 3],
    ['error', 8],
    ['warning', 9],
  ]);
});

test('a file without such keywords has no such problem', () => {
  const plain = FILE.replaceAll(/ *use_ipvlan| *no_accept| *vrrp_(rt|strict).*/g, '');
  assert.deepEqual(unoffered(parse(plain, 'f')), []);
});
