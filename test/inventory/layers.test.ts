import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Layer, saidAbout, stack } from '../../src/inventory/layers.ts';
import { explainPath } from '../../src/inventory/load.ts';
import { parseYaml } from '../../src/inventory/yaml.ts';
import { loadFiles, memoryTree, shown } from './marked.ts';

const FILES = {
  'inventory/defaults.yaml': `defaults:
  engine: keepalived
  vrrp: { version: 2, advert_int: 1s, preempt: false, garp: { repeat: 5, delay: 5s } }
  smtp: { server: 192.0.2.25, to: [noc@example.net] }
`,
  'inventory/groups.yaml': `groups:
  weak: { labels: { site: ams, rack: "1" }, vrrp: { advert_int: 2s, garp: { delay: 2s } } }
  strong: { labels: { rack: "2" }, vrrp: { advert_int: 3s } }
`,
  'inventory/routers.yaml': `routers:
  a:
    groups: [weak, strong]
    smtp: { to: [a@example.net], server: null }
    vrrp: { smtp_alert: true }
    interfaces: { lan: 192.0.2.2/24, gone: 198.51.100.1/24 }
  b:
    groups: [weak, strong]
    interfaces: { lan: 192.0.2.3/24 }
`,
  'pairs/p.yaml': `members: { primary: a, secondary: b }
vrrp:
  advert_int: 4s
  VI:
    interface: lan
    link: switched
    virtual_router_id: 51
    vips: [192.0.2.1/24]
overrides:
  a:
    interfaces: { gone: null }
    vrrp: { VI: { priority: 200, smtp_alert: false } }
`,
};

test('maps merge key by key, lists replace, null removes, the stronger layer holds', async () => {
  const loaded = await loadFiles(FILES);
  assert.ok(loaded.value, shown(loaded));
  const [a, b] = loaded.value.pairs[0]!.members;
  assert.deepEqual(a.labels, { site: 'ams', rack: '2' });
  assert.deepEqual(a.smtp, { to: ['a@example.net'] });
  assert.deepEqual(b.smtp, { server: { host: '192.0.2.25' }, to: ['noc@example.net'] });
  assert.deepEqual(
    a.interfaces.map(({ name }) => name),
    ['lan'],
  );
  const [mine, others] = [a.instances[0]!, b.instances[0]!];
  assert.equal(mine.advert_int, 4000);
  assert.deepEqual(mine.garp, { delay: 2000, repeat: 5 });
  assert.deepEqual([mine.priority, others.priority], [200, 50]);
  assert.deepEqual([mine.smtp_alert, others.smtp_alert], [false, undefined]);
});

test('explain names every layer of a value with its place, the one that holds last (F2)', () => {
  const { value } = explainPath('/nowhere', 'pairs/p.yaml:vrrp.VI.advert_int', memoryTree(FILES));
  const mine = value!.find(({ router }) => router === 'a')!;
  assert.deepEqual(
    mine.layers.map(({ layer, value, at }) => `${layer}: ${value} ${at.file}:${at.line}:${at.column}`),
    [
      'defaults: 1s inventory/defaults.yaml:3:35',
      'group weak: 2s inventory/groups.yaml:2:65',
      'group strong: 3s inventory/groups.yaml:3:56',
      'pair p: 4s pairs/p.yaml:3:15',
    ],
  );
});

test('explain of a map that several layers say tells which of them holds for each key', () => {
  const { value } = explainPath('/nowhere', 'p:smtp', memoryTree(FILES));
  const held = value!.map(
    ({ router, path, layers }) => `${router} ${path} ${layers.at(-1)!.layer} ${layers.at(-1)!.value}`,
  );
  assert.deepEqual(held, [
    'a smtp.server router a null',
    'a smtp.to router a ["a@example.net"]',
    'b smtp defaults {"server":"192.0.2.25","to":["noc@example.net"]}',
  ]);
});

test('explain shows the removal of a value as the layer that holds', () => {
  const { value } = explainPath('/nowhere', 'p:interfaces.gone', memoryTree(FILES));
  assert.deepEqual(
    value![0]!.layers.map(({ layer, value }) => [layer, value]),
    [
      ['router a', '198.51.100.1/24'],
      ['overrides of a', 'null'],
    ],
  );
});

test('explain of a whole pair names every setting of every instance, and no password', () => {
  const files = {
    ...FILES,
    'pairs/p.yaml': FILES['pairs/p.yaml'].replace(
      'vrrp:\n',
      'ssh: { sudo_password: sesame }\nvrrp:\n  auth_pass: sesame\n',
    ),
  };
  const { value } = explainPath('/nowhere', 'p', memoryTree(files));
  const paths = new Set(value!.map(({ path }) => path));
  for (const path of ['engine', 'interfaces.lan', 'vrrp.VI.vips', 'vrrp.VI.garp.delay', 'vrrp.VI.auth_pass'])
    assert.ok(paths.has(path), path);
  assert.ok(!JSON.stringify(value).includes('sesame'));
});

for (const [target, code] of [
  ['nope:vrrp', 'unknown-name'],
  ['p:vrrp.VII.priority', 'unknown-name'],
  ['p:vrrp.VI.piority', 'unknown-key'],
  ['p:engin', 'unknown-key'],
] as const) {
  test(`explain of ${target} is a problem, not an empty answer`, () => {
    const { value, problems } = explainPath('/nowhere', target, memoryTree(FILES));
    assert.equal(value, undefined);
    assert.deepEqual(
      problems.map((problem) => problem.code),
      [code],
    );
    assert.ok(problems[0]!.hint);
  });
}

/** Merging as the rule says it, written the slow way. */
function mergeSlowly(layers: readonly Record<string, unknown>[]): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const merge = (weak: unknown, strong: unknown): unknown => {
    if (!isMap(weak) || !isMap(strong)) return strong;
    const keys = new Set([...Object.keys(weak), ...Object.keys(strong)]);
    return Object.fromEntries([...keys].map((key) => [key, key in strong ? merge(weak[key], strong[key]) : weak[key]]));
  };
  return layers.reduce<unknown>(merge, {});
}

const tree = fc.letrec<{ map: Record<string, unknown>; value: unknown }>((tie) => ({
  map: fc.dictionary(fc.constantFrom('k', 'l', 'm'), tie('value'), { maxKeys: 3 }),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.constant(null),
    fc.array(fc.integer(), { maxLength: 2 }),
    tie('map'),
  ),
})).map;

test('a merge is what the rule says, leaves its layers alone, and each value is where the last word about it stands', () => {
  fc.assert(
    fc.property(fc.array(tree, { minLength: 1, maxLength: 5 }), (values) => {
      const before = JSON.stringify(values);
      const layers = values.map((value, index): Layer<object> => {
        const document = parseYaml(JSON.stringify(value), `layer${index}`).value!;
        return { name: `layer${index}`, document, base: [], value };
      });
      const { merged } = stack(layers);
      assert.deepEqual(merged, mergeSlowly(values));
      assert.equal(JSON.stringify(values), before);
      for (const key of Object.keys(merged)) {
        const last = saidAbout(layers, [key]).at(-1)!;
        const strongest = values.findLastIndex((value) => Object.hasOwn(value, key));
        assert.equal(last.layer, `layer${strongest}`);
        assert.equal(last.at.file, `layer${strongest}`);
      }
    }),
  );
});
