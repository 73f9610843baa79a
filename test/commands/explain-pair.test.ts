import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seconds } from '../../src/base/units.ts';
import { explainPair, formatExplanation } from '../../src/commands/explain-pair.ts';
import type { Member, Pair, VrrpIntent } from '../../src/inventory/model.ts';

const instance = (priority: number, more: Partial<VrrpIntent> = {}): VrrpIntent => ({
  name: 'VI_0',
  at: { file: 'pairs/core.yaml', line: 1, column: 1 },
  ...{ family: 4, interface: 'p4p1', link: 'direct', source: 'own', virtual_router_id: 50, version: 2 },
  ...{
    priority,
    preempt: true,
    advert_int: seconds(1),
    notify: {},
    vips: [],
    routes: [],
    rules: [],
    garp: {},
    raw: [],
  },
  track: { interface: [], script: [], file: [], process: [] },
  ...more,
});

const pairOf = (a: VrrpIntent, b: VrrpIntent): Pair => {
  const member = (name: string, own: VrrpIntent) => ({ name, instances: [own] }) as unknown as Member;
  const at = { file: 'pairs/core.yaml', line: 1, column: 1 };
  return { name: 'core', at, members: [member('r1', a), member('r2', b)], acceptDualMaster: false };
};

const one = (a: VrrpIntent, b: VrrpIntent) => explainPair(pairOf(a, b)).instances[0]!;

describe('explain', () => {
  test('version 2: the skew is a part of a second (RFC 3768 section 6.1), and takeover ends with the down timer', () => {
    const { takeovers, togetherMs } = one(instance(50), instance(40));
    const [byBackup, byPrimary] = takeovers;
    assert.deepEqual([byBackup!.by, byBackup!.from], ['r2', 'r1']);
    assert.equal(byBackup!.skewMs, 843.75);
    assert.equal(byBackup!.downMs, 3843.75);
    assert.deepEqual(byBackup!.afterDeathMs, { best: 2843.75, mean: 3343.75, worst: 3843.75 });
    assert.equal(byPrimary!.downMs, 3804.6875);
    assert.equal(togetherMs, 3804.6875 / 2);
  });

  test('version 3: the skew is a part of the interval (RFC 9568 section 6.1)', () => {
    const fast = { version: 3, advert_int: seconds(0.1) } as const;
    assert.equal(one(instance(100, fast), instance(50, fast)).takeovers[0]!.downMs, 300 + (206 / 256) * 100);
  });

  test("counts by the MASTER's interval, which version 3 learns", () => {
    const { takeovers } = one(
      instance(100, { version: 3, advert_int: seconds(2) }),
      instance(50, { version: 3, advert_int: seconds(1) }),
    );
    assert.equal(takeovers[0]!.afterDeathMs.worst, 6000 + (206 / 256) * 2000);
  });

  const roles: readonly { name: string; a: Partial<VrrpIntent>; b: Partial<VrrpIntent>; preferred?: string }[] = [
    { name: 'the higher priority where preemption is on', a: {}, b: { priority: 40 }, preferred: 'r1' },
    { name: 'the secondary where it has the higher priority', a: {}, b: { priority: 60 }, preferred: 'r2' },
    { name: 'nobody with nopreempt', a: { preempt: false }, b: { priority: 40, preempt: false } },
    { name: 'nobody with equal priorities', a: {}, b: {} },
  ];
  for (const { name, a, b, preferred } of roles) {
    test(`names as the preferred MASTER ${name}`, () => {
      assert.equal(one(instance(50, a), instance(50, b)).preferred, preferred);
    });
  }

  test('answers in sentences', () => {
    assert.equal(
      formatExplanation(explainPair(pairOf(instance(50), instance(40))), (text) => text),
      `core  r1 and r2

  VI_0  VRID 50 on p4p1, a cable to the peer; multicast, version 2, IPv4
    advert_int   the MASTER says every 1s that it is there; the BACKUP counts the silence
    roles        priority r1 50, r2 40; r1 is MASTER, and takes the VIPs back when it returns
    takeover     r2 follows 2.84s to 3.84s after r1 dies, 3.34s on average
                 down timer 3.84s = 3 x 1s + skew 844ms; after a clean stop: the skew alone
    takeover     r1 follows 2.8s to 3.8s after r2 dies, 3.3s on average
                 down timer 3.8s = 3 x 1s + skew 805ms; after a clean stop: the skew alone
    together     what both must learn at once has 1.9s to reach both: half a down timer
    VIPs         0 in the adverts, 255 at most
    routes       0, no limit: they are not in the adverts`,
    );
  });
});
