// needs: kernel ip
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { changesBetween, rootNetwork } from '../../scripts/root-network.ts';
import { inOwnNetwork } from '../support/namespace.ts';

inOwnNetwork();

const ip = (...argv: readonly string[]) => execFileSync('ip', argv);

const changes: readonly { readonly name: string; readonly argv: readonly string[]; readonly seen: RegExp }[] = [
  {
    name: 'a new interface',
    argv: ['link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right'],
    seen: /\+ link show: .*"ifname":"left"/,
  },
  { name: 'an address', argv: ['addr', 'add', '192.0.2.1/24', 'dev', 'lo'], seen: /\+ addr show: .*192\.0\.2\.1/ },
  { name: 'a route', argv: ['route', 'add', 'unreachable', '198.51.100.0/24'], seen: /\+ -4 route .*198\.51\.100\.0/ },
  {
    name: 'an IPv6 route in a table of its own',
    argv: ['-6', 'route', 'add', 'unreachable', '2001:db8::/32', 'table', '77'],
    seen: /\+ -6 route .*2001:db8/,
  },
  { name: 'a rule', argv: ['rule', 'add', 'from', '192.0.2.7', 'lookup', '77'], seen: /\+ -4 rule .*192\.0\.2\.7/ },
];

for (const { name, argv, seen } of changes) {
  test(`the look at the network before and after a run shows ${name} that was left`, () => {
    const before = rootNetwork();
    assert.ok(before);
    assert.deepEqual(changesBetween(before, rootNetwork()!), []);
    ip(...argv);
    assert.match(changesBetween(before, rootNetwork()!).join('\n'), seen);
  });
}

test('and what is gone', () => {
  const before = rootNetwork()!;
  ip('rule', 'del', 'from', '192.0.2.7');
  assert.match(changesBetween(before, rootNetwork()!).join('\n'), /^- -4 rule .*192\.0\.2\.7/m);
});
