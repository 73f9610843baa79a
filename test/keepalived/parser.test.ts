import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasErrors } from '../../src/base/problem.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';

test('every keyword of a small pair is read, and printed so that it reads the same', () => {
  const parsed = parse(
    `global_defs { router_id "a b" }
vrrp_instance VI_0 {
  interface bond0.91 # a comment
  virtual_router_id 50
  advert_int 0.25
  version 3
  notify_master "/bin/echo 'a b' c" root
  virtual_ipaddress { 10.0.0.1/24 dev bond0.91 label bond0.91:100 }
}`,
    'f',
  );
  assert.deepEqual(parsed.problems, []);
  assert.deepEqual(parsed.config.vrrp_instance, [
    {
      name: 'VI_0',
      interface: 'bond0.91',
      virtual_router_id: 50,
      advert_int: 250,
      version: 3,
      notify_master: { argv: ['/bin/echo', 'a b', 'c'], user: 'root' },
      virtual_ipaddress: [
        { address: { family: 4, text: '10.0.0.1', prefix: 24 }, dev: 'bond0.91', label: 'bond0.91:100' },
      ],
    },
  ]);
  assert.deepEqual(parse(print(parsed.config), 'g').config, parsed.config);
});

test('a wrong word is an error at its place, with the keyword that was meant', () => {
  const { problems } = parse('vrrp_instance V {\n  piority 5\n}\n', 'f');
  assert.equal(hasErrors(problems), true);
  assert.deepEqual(problems[0]?.at, { file: 'f', line: 2, column: 3, length: 7 });
  assert.equal(problems[0]?.hint, 'did you mean "priority"?');
});
