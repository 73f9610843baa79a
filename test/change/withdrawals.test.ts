/** What stops being served, and when that has to be allowed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { impact } from '../../src/change/impact.ts';
import type { PairInput } from '../../src/change/impact-model.ts';
import type { Instance } from '../../src/keepalived/model.ts';
import { route, vip } from './build.ts';
import { both, bothMaster, facts, file, impactOf, two } from './pair.ts';

const [first, second] = [vip('192.168.1.1/24'), vip('192.168.1.2/24')];

describe('withdrawals', () => {
  const many = Array.from({ length: 30 }, (_, i) => vip(`192.168.2.${i + 1}/32`));
  const base = {
    virtual_ipaddress_excluded: many,
    virtual_routes: [
      route('10.0.0.0/8 via 1.1.1.1'),
      ...Array.from({ length: 9 }, (_, i) => route(`11.${i}.0.0/16 via 1.1.1.1`)),
    ],
  };

  const CASES: readonly (readonly [string, Partial<Instance>, Partial<Instance>, number, boolean])[] = [
    ['one VIP of 32', base, { virtual_ipaddress_excluded: many.slice(1) }, 1, false],
    ['three VIPs of 32', base, { virtual_ipaddress_excluded: many.slice(3) }, 3, false],
    ['four VIPs', base, { virtual_ipaddress_excluded: many.slice(4) }, 4, true],
    ['one VIP of two is over 20 %', {}, { virtual_ipaddress: [first] }, 1, true],
    ['the last VIPs of an instance', {}, { virtual_ipaddress: [] }, 2, true],
    [
      'a VIP that moves to another device',
      base,
      { virtual_ipaddress_excluded: [vip('192.168.2.1/32 dev p3p2'), ...many.slice(1)] },
      1,
      false,
    ],
    [
      'a VIP that only leaves the advert',
      { ...base },
      { virtual_ipaddress: [first], virtual_ipaddress_excluded: [...many, second] },
      0,
      false,
    ],
  ];
  for (const [name, before, after, vips, needsAllow] of CASES) {
    test(`${name}: ${vips}, ${needsAllow ? 'has to be allowed' : 'goes ahead'}`, () => {
      const found = impactOf(both(before, after));
      assert.equal(found.withdrawals.vips.length, vips);
      assert.equal(found.allow.includes('withdraw'), needsAllow, found.withdrawals.reasons.join());
    });
  }

  for (const [of, gone, needsAllow] of [
    [10, 2, false], // 20 % is not over 20 %
    [10, 3, true],
    [40, 3, false],
    [40, 4, true], // 10 %, but more than three
  ] as const) {
    test(`${gone} of ${of} routes ${needsAllow ? 'have to be allowed' : 'go ahead'}`, () => {
      const routes = Array.from({ length: of }, (_, i) => route(`11.${i}.0.0/16 via 1.1.1.1 dev p1p2`));
      const found = impactOf(both({ virtual_routes: routes }, { virtual_routes: routes.slice(gone) }));
      assert.equal(found.withdrawals.routes.length, gone);
      assert.equal(found.allow.includes('withdraw'), needsAllow, found.withdrawals.reasons.join());
    });
  }

  test('a default route has to be allowed', () => {
    const routes = [...base.virtual_routes, route('default via 1.1.1.1')];
    const found = impactOf(both({ ...base, virtual_routes: routes }, { virtual_routes: base.virtual_routes }));
    assert.deepEqual([found.class, found.allow], ['hot', ['withdraw']]);
  });

  test('an instance has to be allowed', () => {
    const found = impactOf({ before: two, after: (r) => file(r), facts: bothMaster });
    assert.deepEqual(found.withdrawals.instances, ['VI_1']);
    assert.ok(found.withdrawals.reasons.includes('instance VI_1 is removed'));
  });

  test('a VIP that another pair takes over is a move, not a withdrawal', () => {
    const pair = both(base, { virtual_ipaddress_excluded: many.slice(5) });
    const routers = (['A', 'B'] as const).map((r) => ({
      router: r,
      before: pair.before(r),
      after: pair.after(r),
      engine: 'keepalived' as const,
      facts: facts(r),
    }));
    const moved = new Map(many.slice(0, 5).map((line) => [line.address.text, 'dc2']));
    const found = impact({ routers: routers as unknown as PairInput['routers'], moved });
    assert.deepEqual([found.withdrawals.vips, found.allow], [[], ['move']]);
  });
});
