/** What holds for any two models of one router. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../src/change/change.ts';
import { diff } from '../../src/change/diff.ts';
import { impact } from '../../src/change/impact.ts';
import { IMPACT_CLASSES, type PairInput } from '../../src/change/impact-model.ts';
import { normalAddress, normalRoute, normalRule } from '../../src/change/lines.ts';
import { KnownLines } from '../../src/keepalived/known-lines.ts';
import type { AddressLine, Config, Instance, RouteLine, RuleLine } from '../../src/keepalived/model.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';
import { config as anyConfig } from '../keepalived/arbitrary.ts';
import { facts } from './pair.ts';

/** As `keepalived -t` demands: names are used once, and no two instances have one identity. */
const valid = anyConfig.map(
  (config): Config => ({
    ...config,
    track_group: unique(config.track_group),
    vrrp_script: unique(config.vrrp_script),
    track_file: unique(config.track_file),
    track_process: unique(config.track_process),
    vrrp_sync_group: unique(config.vrrp_sync_group),
    vrrp_instance: unique(config.vrrp_instance).map((instance, i) => ({ ...instance, virtual_router_id: i + 1 })),
  }),
);

const unique = <T extends { readonly name: string }>(list: readonly T[]): T[] => [
  ...new Map(list.map((block) => [block.name, block])).values(),
];

/** Two models that have something in common: each part is the first one's or the second one's. */
const pairOfModels = fc
  .tuple(valid, valid, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }))
  .map(([a, b, mix]) => {
    const [instance, other] = [a.vrrp_instance[0], b.vrrp_instance[0]];
    const after = { ...b, ...pick(a, mix) };
    if (!instance || !other) return [a, after] as const;
    const mixed = { ...other, ...pick(instance, mix), name: instance.name, virtual_router_id: 1 };
    return [a, { ...after, vrrp_instance: unique([mixed, ...after.vrrp_instance.slice(1)]) }] as const;
  });

const pick = <T extends object>(from: T, mix: readonly boolean[]): Partial<T> =>
  Object.fromEntries(Object.entries(from).filter((_, i) => mix[i % mix.length])) as Partial<T>;

/** Every list whose order says nothing, turned round. */
function turned(config: Config): Config {
  const back = <T>(list: readonly T[]): T[] => [...list].reverse();
  const lists = <T extends object>(block: T): T =>
    Object.fromEntries(
      Object.entries(block).map(([key, value]) => [
        key,
        Array.isArray(value) && key !== 'process' ? back(value) : value,
      ]),
    ) as T;
  const outer = lists(config);
  return {
    ...outer,
    global_defs: lists(outer.global_defs),
    track_group: outer.track_group.map(lists),
    vrrp_sync_group: outer.vrrp_sync_group.map(lists),
    vrrp_instance: outer.vrrp_instance.map(lists),
  };
}

/** A change without what is told from one side only: words, the new name, what is withdrawn. */
function bare(change: Change, isReversed: boolean): unknown {
  const { text: _text, withdraws: _withdraws, instance: _instance, keyword, op, before, after, ...rest } = change;
  const OPPOSITE = { add: 'remove', remove: 'add', change: 'change' } as const;
  const { group: _group, ...own } = rest as { readonly group?: string };
  // A line that moves between lists is told under the new one; renamed groups under the new name.
  const isLine = 'aspects' in change;
  return {
    ...own,
    ...(!isLine && { keyword }),
    op: isReversed ? OPPOSITE[op] : op,
    before: isReversed ? after : before,
    after: isReversed ? before : after,
  };
}

const inOrder = (list: readonly unknown[]): string[] => list.map((item) => JSON.stringify(sortKeys(item))).sort();

const sortKeys = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([k, v]) => [k, sortKeys(v)]),
      )
    : Array.isArray(value)
      ? value.map(sortKeys)
      : value;

const ROOTS = [
  'global_defs',
  'static_rules',
  'static_routes',
  'track_group',
  'vrrp_script',
  'vrrp_sync_group',
] as const;

/** One text for one meaning, found another way than diff goes: the whole model in one normal form. */
function meaning(config: Config): string {
  const normal = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) {
      const items = value.map((item) => JSON.stringify(normal(line(item, key), '')));
      return ORDERED.has(key) ? items : [...new Set(items)].sort();
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([k, v]) => [k, normal(v, k)] as const);
    return sortKeys(Object.fromEntries(entries.filter(([, v]) => !(Array.isArray(v) && v.length === 0))));
  };
  const instances = config.vrrp_instance.map((instance) => withDevices(instance, config));
  return JSON.stringify(normal({ ...config, vrrp_instance: instances }, ''));
}

const ORDERED = new Set(['process', 'argv', 'args', 'block', 'nexthops']);

function line(item: unknown, key: string): unknown {
  if (key.endsWith('ipaddress') || key.endsWith('_excluded')) return normalAddress(item as AddressLine, undefined);
  if (key.endsWith('_routes')) return normalRoute(item as RouteLine);
  return key.endsWith('_rules') ? normalRule(item as RuleLine) : item;
}

function withDevices(instance: Instance, config: Config): Instance {
  const device = instance.interface ?? config.global_defs.default_interface;
  const placed = (lines: readonly AddressLine[] = []): AddressLine[] => lines.map((l) => normalAddress(l, device));
  return {
    ...instance,
    virtual_ipaddress: placed(instance.virtual_ipaddress),
    virtual_ipaddress_excluded: placed(instance.virtual_ipaddress_excluded),
  };
}

describe('any two models', () => {
  test('a model has no changes against itself', () => {
    fc.assert(fc.property(valid, (a) => assert.deepEqual(diff(a, structuredClone(a)), [])));
  });

  test('lines that are not read again make the same model, and change nothing in the list of changes', () => {
    fc.assert(
      fc.property(pairOfModels, ([a, b]) => {
        const known = new KnownLines();
        const read = (config: Config): Config => parse(print(config), 'f', { engine: 'tandemd', known }).config;
        const first = read(a);
        const second = read(b);
        assert.deepEqual(second, parse(print(b), 'f', { engine: 'tandemd' }).config);
        assert.deepEqual(diff(first, second), diff(a, b));
      }),
    );
  });

  test('the order of lists is no change, and does not change the list of changes', () => {
    fc.assert(fc.property(valid, (a) => assert.deepEqual(diff(a, turned(a)), [])));
    fc.assert(fc.property(pairOfModels, ([a, b]) => assert.deepEqual(diff(turned(a), turned(b)), diff(a, b))));
  });

  test('the way back is the same list the other way round', () => {
    fc.assert(
      fc.property(pairOfModels, ([a, b]) => {
        const there = diff(a, b).map((change) => bare(change, false));
        const back = diff(b, a).map((change) => bare(change, true));
        assert.deepEqual(inOrder(back), inOrder(there));
      }),
    );
  });

  test('the list is empty exactly where two models mean the same', () => {
    const near = fc.oneof(
      fc.tuple(valid, valid).map(([a, b]) => [a, turned(b)] as const),
      valid.map((a) => [a, turned(a)] as const),
      pairOfModels,
      // One part of the root, or of the first instance, is another model's.
      fc.tuple(valid, valid, fc.constantFrom(...ROOTS)).map(([a, b, key]) => [a, { ...a, [key]: b[key] }] as const),
    );
    fc.assert(fc.property(near, ([a, b]) => assert.equal(diff(a, b).length === 0, meaning(a) === meaning(b))));
  });

  test('any field that a model has is seen when it goes', () => {
    fc.assert(
      fc.property(valid, fc.nat(), (a, n) => {
        const [first, ...rest] = a.vrrp_instance;
        fc.pre(first !== undefined);
        const keys = Object.keys(first).filter((key) => {
          const value = first[key as keyof typeof first];
          return key !== 'name' && !(Array.isArray(value) && value.length === 0);
        });
        const key = keys[n % keys.length]!;
        const { [key as 'state']: _gone, ...without } = first;
        const b = { ...a, vrrp_instance: [without, ...rest] } as Config;
        assert.ok(diff(a, b).length > 0, `${key} is gone`);
      }),
    );
  });

  test('every change has a class, a rule and a reason, with either engine, and every instance a prediction', () => {
    const engines = fc.constantFrom(
      { engine: 'keepalived', version: '2.2.7' } as const,
      { engine: 'keepalived', version: '2.4.3' } as const,
      { engine: 'tandemd', version: '1.0.0' } as const,
    );
    fc.assert(
      fc.property(pairOfModels, pairOfModels, engines, engines, ([a, b], [c, d], one, two) => {
        const routers: PairInput['routers'] = [
          { router: 'A', before: a, after: b, engine: one.engine, facts: facts('A', one) },
          { router: 'B', before: c, after: d, engine: two.engine, facts: facts('B', two) },
        ];
        const found = impact({ routers });
        const changes = found.findings.flatMap((finding) => finding.change ?? []);
        assert.equal(changes.length, diff(a, b).length + diff(c, d).length);
        for (const finding of found.findings) {
          assert.ok(IMPACT_CLASSES.includes(finding.class) && finding.rule && finding.reason);
          for (const name of finding.instances) assert.ok(found.transitions.has(name));
        }
        const worst = Math.max(0, ...found.findings.map((finding) => IMPACT_CLASSES.indexOf(finding.class)));
        assert.ok(IMPACT_CLASSES.indexOf(found.class) >= worst);
        if (found.order.kind === 'none') assert.equal(found.class, 'none');
        else assert.notEqual(found.class, 'none');
      }),
    );
  });
});
