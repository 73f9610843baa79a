/** Lines that are the same objects on both sides are passed over, and nothing of what differs is lost by it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { diff } from '../../src/change/diff.ts';
import type { Config } from '../../src/keepalived/model.ts';
import { parse } from '../../src/keepalived/parser.ts';

const LISTS = {
  virtual_ipaddress: ['10.0.0.1/24', '10.0.0.1/32', '10.0.0.1/24 label eth0:1', '10.0.0.2'],
  virtual_routes: [
    'default via 10.0.0.9 dev eth0',
    '0.0.0.0/0 via 10.0.0.9 dev eth0',
    '10.1.0.0/16 dev eth0',
    '10.1.0.0/16 dev eth1',
  ],
  virtual_rules: [
    'from 10.0.0.0/8 table 1 preference 7',
    'from 10.0.0.0/8 table 2 preference 7',
    'to 10.0.0.0/8 table 1',
  ],
} as const;
type Name = keyof typeof LISTS;

function read(name: Name): Config {
  const lines = LISTS[name].join('\n');
  return parse(`vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\n${name} {\n${lines}\n}\n}\n`, 'f').config;
}

/** By the line's number; a copy is another object that means the same. */
const picks = fc.array(fc.record({ line: fc.nat(3), copy: fc.boolean() }), { maxLength: 6 });

for (const name of Object.keys(LISTS) as Name[]) {
  test(`${name}: whichever lines are the same objects, also twice, the changes are those of the texts`, () => {
    const base = read(name);
    const instance = base.vrrp_instance[0]!;
    const all: readonly object[] = instance[name]!;
    const model = (chosen: readonly { readonly line: number; readonly copy: boolean }[]): Config => {
      const list = chosen.map(({ line, copy }) => {
        const one = all[line % all.length]!;
        return copy ? structuredClone(one) : one;
      });
      return { ...base, vrrp_instance: [{ ...instance, [name]: list }] };
    };
    fc.assert(
      fc.property(picks, picks, (one, other) => {
        const [before, after] = [model(one), model(other)];
        assert.deepEqual(diff(before, after), diff(structuredClone(before), structuredClone(after)));
      }),
      { numRuns: 500 },
    );
  });
}
