/**
 * Random changes of a pair that runs: how often a router becomes MASTER is what the plan predicts, in the order that the
 * plan gives, and in any order where it gives none.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIpPrefix } from '../../src/base/address.ts';
import { hasErrors } from '../../src/base/problem.ts';
import { ms } from '../../src/base/units.ts';
import { diff } from '../../src/change/diff.ts';
import { impact } from '../../src/change/impact.ts';
import type { Impact, PairInput, RouterInput } from '../../src/change/impact-model.ts';
import { keptInstances } from '../../src/daemon/identity.ts';
import { check } from '../../src/keepalived/check.ts';
import type { Config, Instance } from '../../src/keepalived/model.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';
import { config, instance, route, vip } from '../change/build.ts';
import { facts } from '../change/pair.ts';
import { FakePair } from '../support/fake-pair.ts';

const DEVICES = [
  { p1p1: '10.3.0.11/24', p3p1: '192.168.1.11/24', p3p2: '10.1.1.11/24', p4p1: '10.255.0.1/24' },
  { p1p1: '10.3.0.12/24', p3p1: '192.168.1.12/24', p3p2: '10.1.1.12/24', p4p1: '10.255.0.2/24' },
] as const;

/** What both routers' files say, but for the priorities. */
interface Draft {
  readonly instances: readonly Instance[];
  /** By instance, for each router. */
  readonly priorities: Readonly<Record<string, readonly [number, number]>>;
  readonly groups: Config['vrrp_sync_group'];
  readonly global_defs: Config['global_defs'];
}

const START: Draft = {
  instances: [
    instance({
      name: 'VI_0',
      virtual_ipaddress: [vip('192.168.1.1/24'), vip('192.168.1.2/24')],
      virtual_ipaddress_excluded: [vip('192.168.1.101/24'), vip('192.168.1.102/24')],
      virtual_routes: [route('172.16.0.0/16 via 192.168.1.200 dev p3p1')],
    }),
    instance({ name: 'VI_1', virtual_router_id: 51, version: 3, virtual_ipaddress: [vip('10.1.1.1/24 dev p3p2')] }),
    instance({ name: 'VI_2', virtual_router_id: 52, virtual_ipaddress: [vip('10.1.1.2/24 dev p3p2')] }),
  ],
  priorities: { VI_0: [150, 100], VI_1: [150, 100], VI_2: [150, 100] },
  groups: [],
  global_defs: {},
};

type Edit = (draft: Draft) => Draft;

const edit =
  (name: string, change: (one: Instance) => Partial<Instance>): Edit =>
  (draft) => ({
    ...draft,
    instances: draft.instances.map((one) => (one.name === name ? { ...one, ...change(one) } : one)),
  });

const without = <T extends object>(value: T, ...keys: readonly (keyof T)[]): T => {
  const rest = { ...value };
  for (const key of keys) delete rest[key];
  return rest;
};

const names = fc.constantFrom('VI_0', 'VI_1', 'VI_2');
const fresh = fc.integer({ min: 10, max: 99 }).map((n) => vip(`192.168.1.${n}/24`));

/** Each a change as people make them; a name that is gone changes nothing. */
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .tuple(names, fresh)
    .map(([name, line]) =>
      edit(name, ({ virtual_ipaddress = [] }) => ({ virtual_ipaddress: [...virtual_ipaddress, line] })),
    ),
  fc.constant(edit('VI_0', ({ virtual_ipaddress = [] }) => ({ virtual_ipaddress: virtual_ipaddress.slice(1) }))),
  fresh.map((line) =>
    edit('VI_0', ({ virtual_ipaddress_excluded = [] }) => ({
      virtual_ipaddress_excluded: [...virtual_ipaddress_excluded, line],
    })),
  ),
  fc.constant(
    edit('VI_0', ({ virtual_ipaddress = [], virtual_ipaddress_excluded: excluded = [] }) => ({
      virtual_ipaddress: excluded.slice(0, 1),
      virtual_ipaddress_excluded: [...virtual_ipaddress, ...excluded.slice(1)],
    })),
  ),
  fc.constant(
    edit('VI_0', ({ virtual_ipaddress_excluded: [first, ...rest] = [] }) => ({
      virtual_ipaddress_excluded: first ? [{ ...first, label: 'p3p1:7' }, ...rest] : [],
    })),
  ),
  fc.constant(
    edit('VI_0', ({ virtual_ipaddress_excluded: [first, ...rest] = [] }) => ({
      virtual_ipaddress_excluded: first
        ? [{ ...first, address: parseIpPrefix(`${first.address.text}/32`)! }, ...rest]
        : [],
    })),
  ),
  fc.integer({ min: 0, max: 200 }).map((n) =>
    edit('VI_0', ({ virtual_routes = [] }) => ({
      virtual_routes: [...virtual_routes, route(`172.20.${n}.0/24 dev p3p1`)],
    })),
  ),
  fc.constant(edit('VI_0', () => ({ virtual_routes: [route('172.16.0.0/16 via 192.168.1.201 dev p3p1')] }))),
  fc.tuple(names, fc.integer({ min: 2, max: 250 }), fc.integer({ min: 2, max: 250 })).map(
    ([name, a, b]): Edit =>
      (draft) => ({ ...draft, priorities: { ...draft.priorities, ...(a !== b && { [name]: [a, b] }) } }),
  ),
  names.map((name) => edit(name, () => ({ nopreempt: true }))),
  names.map((name) => edit(name, () => ({ preempt_delay: ms(2000) }))),
  names.map((name) => edit(name, () => ({ advert_int: ms(2000) }))),
  fc.constant(edit('VI_1', () => ({ advert_int: ms(500) }))),
  fc.constantFrom('VI_0', 'VI_2').map((name) => edit(name, () => ({ version: 3 }))),
  fc
    .constantFrom('VI_0', 'VI_2')
    .map((name) => edit(name, () => ({ authentication: { auth_type: 'PASS', auth_pass: 'secret' } }))),
  names.map((name) => edit(name, () => ({ garp_master_repeat: 3, garp_master_refresh: ms(10_000) }))),
  names.map((name) => edit(name, () => ({ dont_track_primary: true }))),
  names.map((name) => edit(name, () => ({ track_interface: [{ name: 'p1p1' }] }))),
  names.map((name) => edit(name, () => ({ track_interface: [{ name: 'p1p1', weight: 20 }] }))),
  names.map((name) => edit(name, () => ({ notify_master: { argv: ['/bin/true'] } }))),
  fc.constant(edit('VI_2', () => ({ name: 'VI_9' }))),
  fc.constant((draft: Draft) => ({ ...draft, groups: [{ name: 'G', group: ['VI_0', 'VI_1'] }] })),
  fc.constant((draft: Draft) => ({ ...draft, instances: draft.instances.filter(({ name }) => name !== 'VI_2') })),
  fc.constant((draft: Draft) => ({
    ...draft,
    instances: [
      ...draft.instances.filter(({ name }) => name !== 'VI_3'),
      instance({ name: 'VI_3', virtual_router_id: 60, virtual_ipaddress: [vip('10.1.1.9/24 dev p3p2')] }),
    ],
    priorities: { ...draft.priorities, VI_3: [150, 100] as const },
  })),
  fc.constant((draft: Draft) => ({ ...draft, global_defs: { router_id: 'another' } })),
  names.map((name) => edit(name, () => ({ virtual_router_id: 99 }))),
);

function fileOf({ instances, priorities, groups, global_defs }: Draft, place: 0 | 1): Config {
  const there = new Set(instances.map(({ name }) => name));
  return config({
    global_defs,
    vrrp_instance: instances.map((one) => withoutV2(one, priorities[one.name]?.[place] ?? [140, 90][place]!)),
    vrrp_sync_group: groups.filter(({ group }) => group.every((name) => there.has(name))),
  });
}

/** Version 3 has no passwords. */
const withoutV2 = (one: Instance, priority: number): Instance => ({
  ...(one.version === 3 ? without(one, 'authentication') : one),
  priority,
});

/** The router on which the leg that may be tracked is dark. */
type Dark = 0 | 1 | undefined;

const routerInput = (pair: FakePair, place: 0 | 1, dark: Dark, before: Config, after: Config): RouterInput => {
  const roles = Object.fromEntries(
    before.vrrp_instance.map(({ name }) => [name, pair.state(place, name) === 'Active' ? 'MASTER' : 'BACKUP'] as const),
  );
  const known = facts('AB'[place] as 'A' | 'B', { engine: 'tandemd', version: '0.1.0', roles });
  const interfaces = known.interfaces.map((one) =>
    one.name === 'p1p1' && place === dark ? { ...one, carrier: false } : one,
  );
  return {
    router: 'AB'[place]!,
    before,
    after,
    engine: 'tandemd',
    facts: { ...known, interfaces },
  };
};

/** What is carried out, in the plan's order. */
function orderOf({ order }: Impact, first: 0 | 1): readonly (0 | 1)[] {
  if (order.kind === 'one-by-one' && order.reason.startsWith('safe only')) {
    return order.routers.map((name) => (name === 'A' ? 0 : 1));
  }
  return first === 0 ? [0, 1] : [1, 0];
}

/** Some edits do not go together: a weight in a sync group. */
const isValid = (file: Config): boolean => {
  const parsed = parse(print(file), 'f', { engine: 'tandemd' });
  return !hasErrors([...parsed.problems, ...check(parsed)]);
};

describe('a change of a pair of tandemd that runs', () => {
  test('costs the transitions that the plan predicts, and nothing else', async () => {
    const scenario = fc.record({
      list: fc.array(edits, { minLength: 1, maxLength: 3 }),
      first: fc.constantFrom(0 as const, 1 as const),
      pause: fc.constantFrom(0, 200, 3_000, 12_000),
      dark: fc.constantFrom(undefined, undefined, 0 as const, 1 as const),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ list, first, pause, dark }) => {
        const draft = list.reduce((before, change) => change(before), START);
        const [before, after] = [START, draft].map((one) => [fileOf(one, 0), fileOf(one, 1)] as const);
        fc.pre(isValid(after![0]));
        await using pair = await FakePair.start([
          { config: before![0], devices: DEVICES[0] },
          { config: before![1], devices: DEVICES[1] },
        ]);
        if (dark !== undefined) pair.routers[dark].kernel.setLink('p1p1', { running: false });
        await pair.pass(6_000);
        for (const name of ['VI_0', 'VI_1', 'VI_2']) assert.equal(pair.state(0, name), 'Active', name);
        const input: PairInput = {
          routers: [
            routerInput(pair, 0, dark, before![0], after![0]),
            routerInput(pair, 1, dark, before![1], after![1]),
          ],
        };
        const predicted = impact(input);
        // Who goes on has counted before, under another name maybe; who is another virtual router begins anew.
        const countBefore = (name: string): number =>
          ([0, 1] as const).reduce<number>((sum, place) => {
            const old = keptInstances(before![place], after![place]).get(name);
            return sum + (old === undefined ? 0 : pair.becameMaster(place, old));
          }, 0);
        const known = new Map(after![0].vrrp_instance.map(({ name }) => [name, countBefore(name)]));
        const order = orderOf(predicted, first);
        const together = predicted.order.kind !== 'one-by-one';
        for (const place of order) {
          await pair.reload(place, after![place]);
          if (place === order[0]) await pair.pass(together ? 0 : pause);
        }
        await pair.pass(12_000);
        for (const { name } of after![0].vrrp_instance) {
          const seen = pair.becameMaster(0, name) + pair.becameMaster(1, name) - known.get(name)!;
          const { count, bound } = predicted.transitions.get(name)!;
          const says = `${name}: ${bound} ${count} predicted (${predicted.class}), ${seen} seen, ${JSON.stringify(
            diff(before![0], after![0]).map(({ text, instance: of }) => `${of}: ${text}`),
          )}, order ${order}, pause ${pause}, dark ${dark}`;
          assert.ok(bound === 'exactly' ? seen === count : seen <= count, says);
          const masters = ([0, 1] as const).filter((place) => pair.state(place, name) === 'Active');
          assert.equal(masters.length, 1, `one MASTER of ${name}: ${says}`);
        }
      }),
      { numRuns: Number(process.env.TANDEM_RUNS ?? 40), endOnFailure: false },
    );
  });
});
