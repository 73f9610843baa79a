import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import type { LiveState, Observed } from '../../src/change/observed.ts';
import { EMPTY } from '../../src/keepalived/empty.ts';
import type { Config } from '../../src/keepalived/model.ts';
import { type ProveInput, type Proven, prove } from '../../src/rollout/prove.ts';

const config: Config = { ...EMPTY, vrrp_instance: [{ name: 'V', interface: 'x0', virtual_router_id: 1 }] };

interface Look {
  readonly states: readonly [LiveState, LiveState];
  /** Adverts that the second router has received since it started. */
  readonly heard: number;
  /** How often each became MASTER since it started; 0 where not said. */
  readonly became?: number;
}

/** Proves with looks that the script gives by time, and tells how long that took. */
async function proven(
  at: (now: number) => Look,
  more: Partial<ProveInput> = {},
): Promise<Proven & { readonly tookMs: number }> {
  let now = 0;
  const look = async (): Promise<readonly Observed[]> => {
    const { states, heard, became = 0 } = at(now);
    return states.map((state, i) => {
      const received = i === 0 ? 0 : heard;
      const counters = { advertsReceived: received, advertsSent: 0, becameMaster: became, releasedMaster: 0 };
      const instances = [{ name: 'V', state, ...counters, errors: {} }];
      const daemon = { kind: 'absent' };
      return { router: 'ab'[i], daemon, addresses: [], routes: [], instances } as unknown as Observed;
    });
  };
  const result = await prove({
    expected: ['a', 'b'].map((router) => ({ router, config, before: config })),
    look,
    holdFor: ms(8000),
    settleFor: ms(30_000),
    splitFor: ms(4000),
    baseline: await look(),
    ...more,
    clock: {
      now: () => ms(now),
      sleep: async (duration) => {
        now += duration;
      },
    },
  });
  return { ...result, tookMs: now };
}

test('a pair that holds is proven after the time that it must hold', async () => {
  const { proof, tookMs } = await proven((now) => ({ states: ['MASTER', 'BACKUP'], heard: now }));
  assert.equal(proof.kind, 'proven');
  assert.ok(tookMs >= 8000 && tookMs < 9000, `${tookMs}`);
});

test('two masters are waited for no longer than they may last; the one that hears nothing is named', async () => {
  const { proof, tookMs } = await proven((now) => ({ states: ['MASTER', now < 4000 ? 'BACKUP' : 'MASTER'], heard: 0 }));
  assert.equal(proof.kind, 'unproven');
  assert.match(proof.kind === 'unproven' ? proof.findings[0]!.message : '', /MASTER, b MASTER.* b .*protocol 112/);
  assert.ok(tookMs > 8000 && tookMs < 9000, `${tookMs}`);
});

test('two masters for less than that are a takeover', async () => {
  const { proof, tookMs } = await proven((now) => ({
    states: [now < 3000 ? 'MASTER' : 'BACKUP', 'MASTER'],
    heard: 1 + now,
  }));
  assert.equal(proof.kind, 'unproven', 'the script lets the new backup hear nothing');
  assert.ok(tookMs > 11_000, `${tookMs}: it was looked at until it held`);
});

test('a router that was put ahead is waited for until it is MASTER', async () => {
  const { proof, tookMs } = await proven(
    (now) => ({ states: now < 3000 ? ['BACKUP', 'MASTER'] : ['MASTER', 'BACKUP'], heard: 1 + now }),
    { master: 'a' },
  );
  assert.equal(proof.kind, 'proven');
  assert.ok(tookMs > 11_000, `${tookMs}`);
});

test('a router that was put ahead and does not take over is named', async () => {
  const { proof } = await proven((now) => ({ states: ['MASTER', 'BACKUP'], heard: 1 + now }), { master: 'b' });
  assert.equal(proof.kind, 'unproven');
  assert.match(proof.kind === 'unproven' ? proof.findings[0]!.message : '', /V: b does not take over from its peer/);
});

test('an instance that began before the baseline is counted from there, as one that went on', async () => {
  const steady = (now: number): Look => ({ states: ['MASTER', 'BACKUP'], heard: 1 + now, became: 1 });
  const expected = ['a', 'b'].map((router) => ({ router, config, before: EMPTY }));
  const baselineRan = new Map([
    ['a', config],
    ['b', config],
  ]);
  assert.deepEqual((await proven(steady, { expected })).transitions, { V: 2 });
  assert.deepEqual((await proven(steady, { expected, baselineRan })).transitions, { V: 0 });
});

test('what was counted before the baseline counts for the prediction', async () => {
  const steady = (now: number): Look => ({ states: ['MASTER', 'BACKUP'], heard: 1 + now });
  const predicted = new Map([['V', { count: 2, bound: 'exactly' as const }]]);
  const { proof, transitions } = await proven(steady, { predicted, earlier: { V: 2 } });
  assert.deepEqual([proof.kind, transitions], ['proven', { V: 2 }]);
  assert.equal((await proven(steady, { predicted, earlier: { V: 1 } })).proof.kind, 'surprised');
});
