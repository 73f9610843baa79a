import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRoutes, readRules, readVips } from '../../src/inventory/lines.ts';
import { parseYaml } from '../../src/inventory/yaml.ts';

/** The line form and the object form of one thing, as YAML. */
const SAME = {
  vip: [
    [
      '10.1.1.1/24 brd 10.1.1.255 dev p3p2 label p3p2:100',
      '{ address: 10.1.1.1/24, brd: 10.1.1.255, dev: p3p2, label: "p3p2:100" }',
    ],
    ['10.1.1.1', '{ address: 10.1.1.1 }'],
    [
      '10.1.1.1/32 brd + dev bond0.91 label bond0.91:100',
      '{ label: "bond0.91:100", dev: bond0.91, brd: +, address: 10.1.1.1/32 }',
    ],
    [
      '"2001:db8::1/64 dev lan preferred_lft 0 -nodad no_track"',
      '{ address: "2001:DB8:0::1/64", dev: lan, preferred_lft: 0, flags: [-nodad, no_track] }',
    ],
    ['10.1.1.1 peer 10.1.1.2 scope link', '{ address: 10.1.1.1, peer: 10.1.1.2, scope: link }'],
  ],
  route: [
    [
      '158.209.0.99/32 via 78.123.65.1 dev p1p1 table main',
      '{ to: 158.209.0.99/32, via: 78.123.65.1, dev: p1p1, table: main }',
    ],
    ['default via 91.59.24.131 table 50 metric 100', '{ to: default, via: 91.59.24.131, table: 50, metric: 100 }'],
    ['blackhole 198.51.100.0/24', '{ type: blackhole, to: 198.51.100.0/24 }'],
    [
      '198.51.100.0/24 dev lan src 192.0.2.1 onlink no_track mtu 1400',
      '{ to: 198.51.100.0/24, dev: lan, src: 192.0.2.1, onlink: true, no_track: true, options: { mtu: 1400 } }',
    ],
    ['198.51.100.0/24 dev lan mtu lock 1400', '{ to: 198.51.100.0/24, dev: lan, options: { mtu: lock 1400 } }'],
    ['"default via 2001:db8::1 dev lan"', '{ to: default, via: "2001:db8::1", dev: lan }'],
  ],
  rule: [
    ['from 192.0.2.0/24 table 50 priority 100', '{ from: 192.0.2.0/24, table: 50, priority: 100 }'],
    ['not to 198.51.100.0/24 iif lan table main', '{ not: true, to: 198.51.100.0/24, iif: lan, table: main }'],
    ['fwmark 0x1 table 50 no_track', '{ fwmark: "0x1", table: 50, no_track: true }'],
  ],
} as const;

const READ = { vip: readVips, route: readRoutes, rule: readRules };

for (const kind of ['vip', 'route', 'rule'] as const) {
  for (const [line, object] of SAME[kind]) {
    test(`${kind}: ${line} is the same as an object`, () => {
      const document = parseYaml(`- ${line}\n- ${object}\n`, 'f').value!;
      const read = READ[kind] as (
        list: readonly never[],
        place: { document: typeof document; path: [] },
      ) => ReturnType<typeof readVips>;
      const { lines, problems } = read(document.value as never[], { document, path: [] });
      assert.deepEqual(problems, []);
      assert.equal(lines.length, 2);
      assert.deepEqual(lines[0]!.line, lines[1]!.line);
    });
  }
}

test('a blank inside a value of the object form is refused, not read as more words', () => {
  const document = parseYaml('- { address: 10.1.1.1/24, dev: p3p2 label x }\n', 'f').value!;
  const { lines, problems } = readVips(document.value as never[], { document, path: [] });
  assert.deepEqual(lines, []);
  assert.deepEqual(
    problems.map(({ code, at }) => `${code} ${at!.column}`),
    ['conf-value 32'],
  );
});

test('an empty line is a problem', () => {
  const document = parseYaml('- ""\n', 'f').value!;
  assert.deepEqual(
    readVips([''], { document, path: [] }).problems.map(({ code }) => code),
    ['inventory-value'],
  );
});
